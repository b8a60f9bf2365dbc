// The outermost layer of a text: code and escapes. What is inside of them means nothing to the
// layers below, so each becomes one character there, and what it was is kept beside.

/** U+FFFC, "object replacement": stands for an atom. Where somebody writes it, it is an atom of itself. */
export const ATOM = "\uFFFC";

export type Atom =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "block"; language: string | null; text: string };

/** A text with its atoms, in the order in which they stand in it. */
export interface Source {
  text: string;
  atoms: readonly Atom[];
}

const PUNCTUATION = /[!-/:-@[-`{-~]/;
const BLOCK = /^(?:([A-Za-z0-9_+#.-]{1,32})?)\n([\s\S]*)$/;

export function readAtoms(content: string): Source {
  const atoms: Atom[] = [];
  let text = "";
  let at = 0;
  const put = (atom: Atom) => {
    atoms.push(atom);
    text += ATOM;
  };
  while (at < content.length) {
    const char = content.charAt(at);
    if (char === "`") {
      const run = runAt(content, at);
      const end = closing(content, at + run, run);
      if (end === undefined) text += "`".repeat(run);
      else put(code(content.slice(at + run, end), run));
      at = (end ?? at) + run;
    } else if (char === "\\" && PUNCTUATION.test(content.charAt(at + 1))) {
      put({ kind: "text", text: content.charAt(at + 1) });
      at += 2;
    } else {
      if (char === ATOM) put({ kind: "text", text: ATOM });
      else text += char;
      at += 1;
    }
  }
  return { text, atoms };
}

function runAt(content: string, at: number): number {
  let end = at;
  while (content.charAt(end) === "`") end += 1;
  return end - at;
}

/** Where the next run of exactly so many begins. */
function closing(content: string, from: number, run: number): number | undefined {
  for (let at = content.indexOf("`", from); at >= 0; at = content.indexOf("`", at)) {
    const found = runAt(content, at);
    if (found === run) return at;
    at += found;
  }
  return undefined;
}

function code(inside: string, run: number): Atom {
  const block = run >= 3 ? BLOCK.exec(inside) : null;
  if (block !== null) return { kind: "block", language: block[1] ?? null, text: (block[2] ?? "").replace(/\n$/, "") };
  const bare = inside.replaceAll("\n", " ");
  const padded = bare.startsWith(" ") && bare.endsWith(" ") && bare.trim() !== "";
  return { kind: "code", text: padded ? bare.slice(1, -1) : bare };
}

/** Changes what is written outside of code. */
export function outsideCode(content: string, change: (text: string) => string): string {
  let changed = "";
  let from = 0;
  for (let at = content.indexOf("`"); at >= 0; at = content.indexOf("`", at)) {
    const run = runAt(content, at);
    const end = content.charAt(at - 1) === "\\" ? undefined : closing(content, at + run, run);
    if (end !== undefined) {
      changed += change(content.slice(from, at)) + content.slice(at, end + run);
      from = end + run;
    }
    at = (end ?? at) + run;
  }
  return changed + change(content.slice(from));
}

/** Cuts a source at places of its text. */
export function slice(source: Source, from: number, to = source.text.length): Source {
  const before = count(source.text.slice(0, from));
  const text = source.text.slice(from, to);
  return { text, atoms: source.atoms.slice(before, before + count(text)) };
}

/** The lines of a source. */
export function lines(source: Source): Source[] {
  const found: Source[] = [];
  let at = 0;
  for (const line of source.text.split("\n")) {
    found.push(slice(source, at, at + line.length));
    at += line.length + 1;
  }
  return found;
}

export function join(parts: readonly Source[]): Source {
  return { text: parts.map(({ text }) => text).join("\n"), atoms: parts.flatMap(({ atoms }) => atoms) };
}

const count = (text: string) => text.split(ATOM).length - 1;
