// The emoji there are, with their names in the language that is shown. Fetched with the picker.
import { language } from "../../lang/index.ts";

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
  return found;
}

/** Those whose name or words begin so, the best first. */
export async function findEmoji(text: string): Promise<Emoji[]> {
  const sought = text.trim().toLowerCase().replaceAll("_", " ");
  const all = await allEmoji();
  if (sought === "") return all;
  const starts = (one: Emoji) => one.name.startsWith(sought) || one.tags.some((tag) => tag.startsWith(sought));
  const holds = (one: Emoji) => one.name.includes(sought);
  return [...all.filter(starts), ...all.filter((one) => !starts(one) && holds(one))];
}

/** Skin tones and parts of letters have no group, or are no emoji of their own. */
const COMPONENTS = 2;

async function load(tag: string): Promise<Emoji[]> {
  const entries = (tag === "de" ? await import("emojibase-data/de/compact.json") : await import("emojibase-data/en/compact.json")).default as Entry[];
  return entries
    .filter(({ group }) => group !== undefined && group !== COMPONENTS)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map(({ unicode, label, tags = [], group = 0 }) => ({ emoji: unicode, name: label.toLowerCase(), tags, group }));
}
