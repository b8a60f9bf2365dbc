// The emoji there are, with their names in the language that is shown. Fetched with the picker.
import { language } from "../../lang/index.ts";

export interface Emoji {
  emoji: string;
  name: string;
  /** Words by which it is found. */
  tags: readonly string[];
  /** What stands for it between two colons. */
  codes: readonly string[];
  group: number;
}

interface Entry {
  label: string;
  hexcode: string;
  unicode: string;
  tags?: string[];
  group?: number;
  order?: number;
}

const loaded = new Map<string, Promise<Emoji[]>>();

export function allEmoji(): Promise<Emoji[]> {
  const tag = language();
  let found = loaded.get(tag);
  if (found === undefined) loaded.set(tag, (found = load(tag)));
  // What could not be fetched may be there the next time.
  found.catch(() => loaded.delete(tag));
  return found;
}

/** By their codes, and by their names as one. */
export async function emojiByCode(): Promise<ReadonlyMap<string, string>> {
  const all = await allEmoji();
  const names = all.map(({ emoji, name }) => [name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "_"), emoji] as const);
  return new Map([...names, ...all.flatMap(({ emoji, codes }) => codes.map((code) => [code, emoji] as const))]);
}

/** Skin tones and parts of letters have no group, or are no emoji of their own. */
const COMPONENTS = 2;

const namesIn = (tag: string) => (tag === "de" ? import("emojibase-data/de/compact.json") : import("emojibase-data/en/compact.json"));

async function load(tag: string): Promise<Emoji[]> {
  const [names, known] = await Promise.all([namesIn(tag), import("emojibase-data/en/shortcodes/github.json")]);
  const codes: Record<string, string | string[]> = known.default;
  return (names.default as Entry[])
    .filter(({ group }) => group !== undefined && group !== COMPONENTS)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map(({ unicode, label, hexcode, tags = [], group = 0 }) => ({ emoji: unicode, name: label, tags, codes: [codes[hexcode] ?? []].flat(), group }));
}
