// The emoji there are, with their names in the language that is shown. Fetched with the picker.
import { language } from "../../lang/index.ts";
import { usedEmoji } from "./recent.ts";
import { byRelevance } from "./relevance.ts";

export interface Emoji {
  emoji: string;
  name: string;
  /** Words by which it is found. */
  tags: readonly string[];
  group: number;
}

interface Entry {
  label: string;
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

/** Those that are meant by a few letters, the best first. */
export async function findEmoji(text: string): Promise<Emoji[]> {
  return byRelevance(await allEmoji(), text, usedEmoji());
}

/** Skin tones and parts of letters have no group, or are no emoji of their own. */
const COMPONENTS = 2;

async function load(tag: string): Promise<Emoji[]> {
  const entries = (tag === "de" ? await import("emojibase-data/de/compact.json") : await import("emojibase-data/en/compact.json")).default as Entry[];
  return entries
    .filter(({ group }) => group !== undefined && group !== COMPONENTS)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map(({ unicode, label, tags = [], group = 0 }) => ({ emoji: unicode, name: label, tags, group }));
}
