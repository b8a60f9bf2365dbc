// From what was written to what is asked for: names become ids, days become moments.
import type { AnyId, ChannelId, SearchFilter, UserId } from "confab-client";
import { dayAfter } from "./days.ts";
import { partsOf, type Part } from "./query.ts";
import { isValue, type Operator } from "./words.ts";

/** What names mean where somebody searches. */
export interface Meaning {
  person(name: string): UserId | undefined;
  /** A person or a role. */
  called(name: string): AnyId | undefined;
  channel(name: string): ChannelId | undefined;
  day(text: string): number | undefined;
}

export type Term = Part & { kind: "term" };

export interface Sought {
  filter: SearchFilter;
  /** What is marked in what is found. */
  words: string[];
  /** Operators whose value means nothing here. */
  unknown: Term[];
}

export function readQuery(query: string, meaning: Meaning): Sought {
  const parts = partsOf(query);
  const words = parts.flatMap((part) => (part.kind === "word" ? [part.text] : []));
  const filter: SearchFilter = words.length > 0 ? { words } : {};
  const terms = parts.filter((part) => part.kind === "term");
  return { filter, words, unknown: terms.filter((term) => !add(filter, term, meaning)) };
}

/** Of several values of one operator any holds, but of days all do. Whether the value means something. */
function add(filter: SearchFilter, { operator, text }: Term, meaning: Meaning): boolean {
  const some = <Value>(value: Value | undefined, put: (value: Value) => void): boolean => {
    if (value !== undefined) put(value);
    return value !== undefined;
  };
  const name = text.replace(/^[@#]/, "");
  const readers: Record<Operator, () => boolean> = {
    from: () => some(meaning.person(name), (id) => (filter.from ??= []).push(id)),
    mentions: () => some(meaning.called(name), (id) => (filter.mentions ??= []).push(id)),
    in: () => some(meaning.channel(name), (id) => (filter.channels ??= []).push(id)),
    is: () => some(isValue("pinned", text) ? true : undefined, (yes) => (filter.pinned = yes)),
    has: () => some(isValue("link", text) ? ("link" as const) : undefined, (what) => (filter.has ??= []).push(what)),
    before: () => some(meaning.day(text), (day) => (filter.before = Math.min(filter.before ?? Infinity, day))),
    after: () => some(meaning.day(text), (day) => (filter.after = Math.max(filter.after ?? 0, dayAfter(day)))),
  };
  return readers[operator]();
}

/** Whether anything is asked for. */
export const isEmpty = ({ filter, unknown }: Sought) => Object.keys(filter).length === 0 && unknown.length === 0;
