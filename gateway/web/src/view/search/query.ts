// What somebody writes into the field of the search: words, "quoted texts" and operators, with white space between them.
import { OPERATOR_BY_WORD, type Operator } from "./words.ts";

/** A piece of what was written, and where it stands. */
export type Part =
  | { kind: "word"; text: string; from: number; to: number }
  | { kind: "term"; operator: Operator; text: string; from: number; to: number };

/** An operator with its value, which may be quoted; a quoted text; or a word. What is not closed goes to the end. */
const PART = new RegExp(`(?:(${[...OPERATOR_BY_WORD.keys()].join("|")}):)(?:"([^"]*)"?|(\\S*))|"([^"]*)"?|(\\S+)`, "giu");

export function partsOf(query: string): Part[] {
  return [...query.matchAll(PART)].flatMap((found): Part[] => {
    const [whole, operatorWord, quotedValue, value, quoted, word] = found;
    const operator = OPERATOR_BY_WORD.get(operatorWord?.toLowerCase() ?? "");
    const place = { from: found.index, to: found.index + whole.length };
    if (operator !== undefined) {
      return [{ kind: "term", operator, text: (quotedValue ?? value ?? "").trim(), ...place }];
    }
    const text = (quoted ?? word ?? "").trim();
    return text === "" ? [] : [{ kind: "word", text, ...place }];
  });
}

/** What is being written before the caret: a word, which may become an operator, or the value of one. */
export function partAt(query: string, caret: number): Part | undefined {
  return partsOf(query).find(({ from, to }) => from < caret && caret <= to);
}

/** Whether two texts ask for the same, in whatever language. */
export function sameParts(one: string, other: string): boolean {
  const shape = (text: string) => JSON.stringify(partsOf(text).map((part) => [part.kind === "term" ? part.operator : "", part.text]));
  return shape(one) === shape(other);
}

/** The query with something else in place of a part, and where the caret is then. */
export function replaced(query: string, part: { from: number; to: number }, text: string): { text: string; caret: number } {
  const rest = query.slice(part.to).replace(/^\s+/, "");
  const before = query.slice(0, part.from) + text;
  return { text: before + (text.endsWith(":") || text === "" ? rest : ` ${rest}`), caret: before.length + (text.endsWith(":") ? 0 : 1) };
}

/** The query without a part. */
export const without = (query: string, part: { from: number; to: number }): string =>
  `${query.slice(0, part.from).trimEnd()} ${query.slice(part.to).trimStart()}`.trim();
