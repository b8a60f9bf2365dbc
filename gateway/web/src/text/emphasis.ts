// Emphasis: marks that open and close, one inside the other. However many of them a text has, each place is looked at a few
// times: which run of marks closes is written down once for the whole text, not sought from each mark that opens.
import { ATOM } from "./atoms.ts";
import { startsWithLetter } from "./letters.ts";
import type { Inline, Mark } from "./tree.ts";

/** A character that may be a mark, or something that is finished. */
export type Piece = { char: string } | { node: Inline };

const SPACE = /\s/;
const MARKS: [string, Mark][] = [
  ["**", "strong"],
  ["~~", "strike"],
  ["||", "spoiler"],
  ["*", "emphasis"],
  ["_", "emphasis"],
];

/** A text with its runs: pieces of the same character that follow each other. */
interface Runs {
  all: readonly Piece[];
  /** For each place, where its run begins, and what is behind it. */
  starts: Int32Array;
  ends: Int32Array;
  /** For each mark and place, where the next run begins that closes. */
  closers: Map<string, Int32Array>;
}

/** What stands between two places; beyond them there is nothing. */
interface Part {
  runs: Runs;
  from: number;
  to: number;
}

export function emphasise(all: readonly Piece[]): Inline[] {
  return read({ runs: runsOf(all), from: 0, to: all.length });
}

function read(part: Part): Inline[] {
  const { runs, from, to } = part;
  const found: Inline[] = [];
  const text = (more: string) => {
    const last = found.at(-1);
    if (last?.kind === "text") last.text += more;
    else found.push({ kind: "text", text: more });
  };
  for (let at = from; at < to; ) {
    const piece = runs.all[at] as Piece;
    const span = "char" in piece ? spanAt(part, at) : undefined;
    if (span !== undefined) {
      found.push({ kind: span.mark, children: read({ runs, from: at + span.width, to: span.end }) });
      at = span.end + span.width;
      continue;
    }
    if ("char" in piece) text(piece.char);
    else if (piece.node.kind === "text") text(piece.node.text);
    else found.push(piece.node);
    at += 1;
  }
  return found;
}

function spanAt(part: Part, at: number): { mark: Mark; width: number; end: number } | undefined {
  for (const [sign, mark] of MARKS) {
    if (!signAt(part, at, sign) || !opens(part, at, sign)) continue;
    const end = closingAt(part, at + sign.length, sign);
    if (end !== undefined) return { mark, width: sign.length, end };
  }
  return undefined;
}

function charOf(all: readonly Piece[], at: number): string {
  const piece = all[at];
  if (piece === undefined) return " ";
  if ("char" in piece) return piece.char;
  return piece.node.kind === "break" ? " " : ATOM;
}
const charAt = ({ runs, from, to }: Part, at: number) => (at < from || at >= to ? " " : charOf(runs.all, at));
const signAt = (part: Part, at: number, sign: string) => [...sign].every((char, index) => charAt(part, at + index) === char);

function opens(part: Part, at: number, sign: string): boolean {
  const free = sign !== "_" || !startsWithLetter(charAt(part, at - 1));
  return free && !SPACE.test(charAt(part, at + sign.length));
}

/** The place of the mark that closes. Of a longer run the outer marks belong to what opened before. */
function closingAt(part: Part, from: number, sign: string): number | undefined {
  const { runs, to } = part;
  const isMark = (at: number) => charAt(part, at) === sign.charAt(0);
  const endOf = (at: number) => Math.min(runs.ends[at] ?? to, to);
  const closing = (at: number) => (closes(part, at, endOf(at), sign) ? endOf(at) - sign.length : undefined);
  let at = from + 1;
  // The rest of the run that opened.
  if (isMark(at) && isMark(from)) {
    const end = closing(at);
    if (end !== undefined) return end;
    at = endOf(at);
  }
  const next = closersOf(runs, sign)[at] ?? to;
  if (next < to && (runs.ends[next] ?? to) <= to) return endOf(next) - sign.length;
  // A run that goes on beyond the part is shorter here than it was written down.
  const last = runs.starts[to - 1] ?? to;
  return last >= at && isMark(last) && (runs.ends[last] ?? to) > to ? closing(last) : undefined;
}

/** Whether the run that begins at a place and ends before another one closes what this mark opened. */
function closes(part: Part, at: number, end: number, sign: string): boolean {
  const run = end - at;
  const fits = sign.length === 1 ? sign === "_" || run !== 2 : run >= sign.length;
  const free = sign !== "_" || !startsWithLetter(charAt(part, end));
  return fits && free && !SPACE.test(charAt(part, at - 1));
}

function runsOf(all: readonly Piece[]): Runs {
  const [starts, ends] = [new Int32Array(all.length), new Int32Array(all.length)];
  for (let at = 0, start = 0; at < all.length; at += 1) {
    starts[at] = start;
    if (charOf(all, at) === charOf(all, at + 1) && at + 1 < all.length) continue;
    ends.fill(at + 1, start, at + 1);
    start = at + 1;
  }
  return { all, starts, ends, closers: new Map() };
}

function closersOf(runs: Runs, sign: string): Int32Array {
  const known = runs.closers.get(sign);
  if (known !== undefined) return known;
  const { all, starts, ends } = runs;
  const whole: Part = { runs, from: 0, to: all.length };
  const next = new Int32Array(all.length + 1).fill(all.length);
  for (let at = all.length - 1; at >= 0; at -= 1) {
    const closer = starts[at] === at && charOf(all, at) === sign.charAt(0) && closes(whole, at, ends[at] ?? at, sign);
    next[at] = closer ? at : (next[at + 1] ?? all.length);
  }
  runs.closers.set(sign, next);
  return next;
}
