// What somebody asks for by a sign and a few letters, and what is put in its place.
import { LIMITS } from "confab-client";
import { LETTERS } from "../../text/letters.ts";

export interface Suggestion {
  /** What is shown. */
  name: string;
  hint?: string;
  emoji?: string;
  /** What is put into the text. */
  text: string;
  /** What is sent for it, where that is something else. */
  sent?: string;
}
export interface Asked {
  sign: "@" | "#" | ":";
  text: string;
  /** Where the sign stands. */
  from: number;
}

const ASKED = new RegExp(`(?:^|[\\s(])([@#:])([${LETTERS}.+-]{0,${LIMITS.MAX_NAME_CHARS}})$`, "u");

/** What is being asked for before the caret, if anything. An emoji needs two letters: a colon has other uses. */
export function askedAt(text: string, caret: number): Asked | undefined {
  const [, sign, word = ""] = ASKED.exec(text.slice(0, caret)) ?? [];
  if (sign === undefined || (sign === ":" && word.length < 2)) return undefined;
  return { sign: sign as Asked["sign"], text: word, from: caret - word.length - 1 };
}

/** The text with the suggestion in place of what was asked for, and where the caret is then. */
export function put(text: string, caret: number, { from }: Asked, suggestion: Suggestion): { text: string; caret: number } {
  const inserted = `${suggestion.text} `;
  return { text: text.slice(0, from) + inserted + text.slice(caret).replace(/^ /, ""), caret: from + inserted.length };
}
