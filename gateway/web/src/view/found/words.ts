// Where the words that were looked for stand in a text.
import { escapeRegex } from "../../text/letters.ts";

export interface Part {
  text: string;
  hit: boolean;
}

/** What a hit shows of a long text. */
const LONGEST = 320;
/** And so much of it before the first word. */
const BEFORE = 80;

/** The text in parts, of which those are hits that were looked for: in whatever case, also within a longer word. */
export function marked(text: string, words: readonly string[]): Part[] {
  const sought = words.filter((word) => word !== "").sort((a, b) => b.length - a.length);
  if (sought.length === 0) return [{ text, hit: false }];
  const pattern = new RegExp(`(${sought.map(escapeRegex).join("|")})`, "giu");
  return text
    .split(pattern)
    .map((part, index) => ({ text: part, hit: index % 2 === 1 }))
    .filter((part) => part.text !== "");
}

/** A piece of a long text: its beginning, or what stands around the first word that was looked for. */
export function excerpt(text: string, words: readonly string[]): string {
  if (text.length <= LONGEST) return text;
  const first = marked(text, words).findIndex(({ hit }) => hit);
  const at = first < 1 ? 0 : (marked(text, words)[0]?.text.length ?? 0);
  const from = at < LONGEST - BEFORE ? 0 : beginOfWord(text, at - BEFORE);
  const to = from + LONGEST;
  return `${from > 0 ? "… " : ""}${text.slice(from, to).trim()}${to < text.length ? " …" : ""}`;
}

function beginOfWord(text: string, at: number): number {
  const space = text.indexOf(" ", at);
  return space < 0 || space > at + 20 ? at : space + 1;
}
