// Reads a text as docs/markdown.md says: code and escapes, then blocks by their lines, then what
// stands in them. The grammar is smaller than CommonMark's and not the same, and so is its reader.
import { ATOM, join, lines, readAtoms, slice, type Source } from "./atoms.ts";
import { readInline } from "./inline.ts";
import type { Block, Item } from "./tree.ts";

/** Deeper quotes and lists are text: nobody can see them apart. */
const DEEPEST = 6;
const HEADING = /^(#{1,3}) (?=\S)/;
const QUOTE = /^> ?/;
const ITEM = /^( *)(?:[-*]|(\d{1,9})\.) (?=\S)/;

/** So many texts are remembered: a row is drawn, named and answered by the same one. */
const REMEMBERED = 500;
const read = new Map<string, readonly Block[]>();

/** `everyone` is the id of the server: the role that everyone has. */
export function readMarkdown(content: string, everyone = 0): readonly Block[] {
  const key = `${everyone} ${content}`;
  let blocks = read.get(key);
  if (blocks === undefined) {
    blocks = readBlocks(lines(readAtoms(content)), everyone, 0);
    read.set(key, blocks);
    if (read.size > REMEMBERED) read.delete(read.keys().next().value ?? "");
  }
  return blocks;
}

function readBlocks(all: readonly Source[], everyone: number, depth: number): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < all.length; ) {
    const line = all[at];
    if (line === undefined) break;
    const heading = HEADING.exec(line.text);
    const length = (fits: RegExp) => {
      const end = all.findIndex(({ text }, index) => index >= at && !fits.test(text));
      return (end < 0 ? all.length : end) - at;
    };
    if (heading !== null) {
      const level = (heading[1]?.length ?? 1) as 1 | 2 | 3;
      blocks.push({ kind: "heading", level, children: readInline(flat(slice(line, heading[0].length)), everyone) });
      at += 1;
    } else if (line.text.startsWith("> ") && depth < DEEPEST) {
      const quoted = all.slice(at, at + length(QUOTE));
      const inside = quoted.map((one) => slice(one, QUOTE.exec(one.text)?.[0].length ?? 0));
      blocks.push({ kind: "quote", children: readBlocks(inside, everyone, depth + 1) });
      at += quoted.length;
    } else if (ITEM.test(line.text)) {
      const items = all.slice(at, at + length(ITEM));
      blocks.push(...readLists(items, everyone));
      at += items.length;
    } else {
      const end = all.findIndex((one, index) => index > at && begins(one.text, depth));
      const paragraph = all.slice(at, end < 0 ? all.length : end);
      blocks.push(...readParagraph(join(paragraph), everyone));
      at += paragraph.length;
    }
  }
  return blocks;
}

const begins = (text: string, depth: number) => HEADING.test(text) || (text.startsWith("> ") && depth < DEEPEST) || ITEM.test(text);

/** A paragraph ends where a block of code stands, and another begins behind it. */
function readParagraph(source: Source, everyone: number): Block[] {
  const blocks: Block[] = [];
  const add = (part: Source) => {
    const from = part.text.length - part.text.replace(/^\n+/, "").length;
    const trimmed = slice(part, from, Math.max(from, part.text.replace(/\n+$/, "").length));
    if (trimmed.text !== "") blocks.push({ kind: "paragraph", children: readInline(trimmed, everyone) });
  };
  let from = 0;
  let atom = 0;
  for (let at = source.text.indexOf(ATOM); at >= 0; at = source.text.indexOf(ATOM, at + 1)) {
    const inside = source.atoms[atom++];
    if (inside?.kind !== "block") continue;
    add(slice(source, from, at));
    blocks.push({ kind: "codeblock", language: inside.language, text: inside.text });
    from = at + 1;
  }
  add(slice(source, from));
  return blocks;
}

/** In a heading or an item a block of code is code in the line. */
function flat(source: Source): Source {
  return { text: source.text, atoms: source.atoms.map((atom) => (atom.kind === "block" ? { kind: "code", text: atom.text } : atom)) };
}

interface Line {
  depth: number;
  ordered: boolean;
  start: number;
  source: Source;
}

function readLists(sources: readonly Source[], everyone: number): Block[] {
  const all = sources.map((source): Line => {
    const [whole = "", spaces = "", number] = ITEM.exec(source.text) ?? [];
    const depth = Math.min(DEEPEST, spaces.length >> 1);
    return { depth, ordered: number !== undefined, start: Number(number ?? 1), source: flat(slice(source, whole.length)) };
  });
  return nest(all, everyone);
}

function nest(all: readonly Line[], everyone: number): Block[] {
  const blocks: Block[] = [];
  const depth = Math.min(...all.map((line) => line.depth));
  for (let at = 0; at < all.length; ) {
    const line = all[at];
    if (line === undefined) break;
    const end = all.findIndex((other, index) => index > at && other.depth <= depth);
    const deeper = all.slice(at + 1, end < 0 ? all.length : end);
    const item: Item = { children: readInline(line.source, everyone), nested: deeper.length > 0 ? nest(deeper, everyone) : [] };
    const last = blocks.at(-1);
    if (last?.kind === "list" && last.ordered === line.ordered) last.items.push(item);
    else blocks.push({ kind: "list", ordered: line.ordered, start: line.start, items: [item] });
    at += 1 + deeper.length;
  }
  return blocks;
}
