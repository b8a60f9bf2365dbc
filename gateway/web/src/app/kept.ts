// Small things that this browser keeps of an account: each under its id, so that the next one who uses it has its own.
import type { UserId } from "confab-client";

const keyOf = (name: string, user: UserId) => `confab.${name}.${user}`;

/** What is kept of an account; `none` where there is nothing, or nobody is known yet. */
export function readKept<Value>(name: string, user: UserId | undefined, none: Value): Value {
  try {
    const text = user === undefined ? null : localStorage.getItem(keyOf(name, user));
    return text === null ? none : (JSON.parse(text) as Value);
  } catch {
    return none;
  }
}

export function writeKept(name: string, user: UserId | undefined, value: unknown): void {
  if (user !== undefined) writeHere(keyOf(name, user), JSON.stringify(value));
}

/** Writes into the storage of the browser. Where that is full or refused the page does without, until it is loaded again. */
export function writeHere(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // What is done besides is done all the same.
  }
}

/** The same list with this one first, and no longer than so. */
export function withFirst<One>(list: readonly One[], first: One, most: number): One[] {
  return [first, ...list.filter((other) => other !== first)].slice(0, most);
}

/** Forgets one thing, whichever account it is kept of. */
export function forgetOfAll(name: string): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(`confab.${name}.`)) localStorage.removeItem(key);
}

/** Forgets one thing that is kept of an account, or everything. */
export function forgetKept(user: UserId, name?: string): void {
  const gone = (key: string) => (name === undefined ? key.startsWith("confab.") && key.endsWith(`.${user}`) : key === keyOf(name, user));
  for (const key of Object.keys(localStorage)) if (gone(key)) localStorage.removeItem(key);
}
