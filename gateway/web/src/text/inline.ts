// What stands within a block: links, mentions, emphasis. Links and mentions come first; what is
// between them may be emphasised, one inside the other.
import type { RoleId, UserId } from "confab-client";
import { ATOM, slice, type Source } from "./atoms.ts";
import { emphasise, type Piece } from "./emphasis.ts";
import { charFrom, letterBefore, startsWithLetter } from "./letters.ts";
import type { Inline } from "./tree.ts";

const ADDRESS = "(?:https?:\\/\\/|mailto:)";
const NAMED = new RegExp(`^\\[([^\\]\\n]{1,512})\\]\\((${ADDRESS}[^\\s()<>${ATOM}]{1,2000})\\)`);
const ANGLED = new RegExp(`^<(${ADDRESS}[^\\s<>${ATOM}]{1,2000})>`);
const BARE = new RegExp(`^${ADDRESS}[^\\s<>${ATOM}]{1,2000}`);
const MENTION = /^<@(&?)([1-9][0-9]{0,15})>/;
const EVERYONE = "@everyone";

/** `everyone` is the id of the server, whose role everyone has. */
export function readInline(source: Source, everyone: number): Inline[] {
  return emphasise(pieces(source, everyone));
}

function pieces(source: Source, everyone: number): Piece[] {
  const { text } = source;
  const found: Piece[] = [];
  let atom = 0;
  for (let at = 0; at < text.length; ) {
    const char = charFrom(text, at);
    if (char === ATOM) {
      const inside = source.atoms[atom++];
      if (inside !== undefined) found.push({ node: inside.kind === "code" ? inside : { kind: "text", text: inside.text } });
      at += 1;
      continue;
    }
    const special = char === "\n" ? { node: { kind: "break" } as Inline, length: 1 } : specialAt(source, at, everyone);
    if (special === undefined) {
      found.push({ char });
      at += char.length;
    } else {
      found.push({ node: special.node });
      atom += text.slice(at, at + special.length).split(ATOM).length - 1;
      at += special.length;
    }
  }
  return found;
}

function specialAt(source: Source, at: number, everyone: number): { node: Inline; length: number } | undefined {
  const rest = source.text.slice(at, at + 2600);
  switch (rest.charAt(0)) {
    case "[":
      return namedLink(source, at, rest, everyone);
    case "<":
      return mention(rest, everyone) ?? link(ANGLED.exec(rest));
    case "@":
      return everyoneAt(source.text, at);
    case "h":
    case "m":
      return letterBefore(source.text, at) ? undefined : link(BARE.exec(rest));
  }
  return undefined;
}

function namedLink(source: Source, at: number, rest: string, everyone: number): { node: Inline; length: number } | undefined {
  const [whole, label, href] = NAMED.exec(rest) ?? [];
  if (whole === undefined || label === undefined || href === undefined || !isAddress(href)) return undefined;
  const children = unlinked(readInline(slice(source, at + 1, at + 1 + label.length), everyone));
  return { node: { kind: "link", href, children, named: true }, length: whole.length };
}

/** There is no link in a link: an address in the text of one is only text. */
function unlinked(all: readonly Inline[]): Inline[] {
  return all.flatMap((one) => {
    if (one.kind === "link") return unlinked(one.children);
    return "children" in one ? [{ ...one, children: unlinked(one.children) }] : [one];
  });
}

function link(match: RegExpExecArray | null): { node: Inline; length: number } | undefined {
  const href = match?.[1] ?? match?.[0];
  if (match === null || href === undefined || !isAddress(href)) return undefined;
  return { node: { kind: "link", href, children: [{ kind: "text", text: href }], named: false }, length: match[0].length };
}

/** Only these lead anywhere. What a letter is to say, and to whom else it goes, its writer decides. */
function isAddress(href: string): boolean {
  try {
    const { protocol, search } = new URL(href);
    return protocol === "mailto:" ? search === "" : protocol === "http:" || protocol === "https:";
  } catch {
    return false;
  }
}

function mention(rest: string, everyone: number): { node: Inline; length: number } | undefined {
  const [whole, role, digits] = MENTION.exec(rest) ?? [];
  const id = Number(digits);
  if (whole === undefined || !Number.isSafeInteger(id)) return undefined;
  if (role === "") return { node: { kind: "user", id: id as UserId }, length: whole.length };
  return { node: id === everyone ? { kind: "everyone" } : { kind: "role", id: id as RoleId }, length: whole.length };
}

function everyoneAt(text: string, at: number): { node: Inline; length: number } | undefined {
  const stands = text.startsWith(EVERYONE, at) && !letterBefore(text, at) && !startsWithLetter(text.slice(at + EVERYONE.length));
  return stands ? { node: { kind: "everyone" }, length: EVERYONE.length } : undefined;
}
