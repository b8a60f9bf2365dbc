// Which emoji is meant by a few letters.

export interface Findable {
  emoji: string;
  name: string;
  tags: readonly string[];
  codes?: readonly string[];
}

/** Those that fit, the best first; of equally good ones those that were used last, then in their own order. */
export function byRelevance<Emoji extends Findable>(all: readonly Emoji[], text: string, used: readonly string[]): Emoji[] {
  const sought = text.trim().toLowerCase().replaceAll("_", " ");
  if (sought === "") return [...all];
  const age = (emoji: string) => (used.includes(emoji) ? used.indexOf(emoji) : used.length);
  return all
    .map((one) => ({ one, rank: rankOf(one, sought) }))
    .filter(({ rank }) => rank < NOT)
    .sort((a, b) => a.rank - b.rank || age(a.one.emoji) - age(b.one.emoji))
    .map(({ one }) => one);
}

/** The rank of what does not fit. */
const NOT = 7;

/** The name or the code itself, then what ends in it (a red heart), then a word that is the text, then what begins so, then what holds it. */
function rankOf({ name: shown, tags, codes = [] }: Findable, sought: string): number {
  const name = shown.toLowerCase();
  if (name === sought || codes.includes(sought.replaceAll(" ", "_"))) return 0;
  const words = name.split(/[\s:,()-]+/);
  if (words.at(-1) === sought) return 1;
  if (words.includes(sought) || tags.includes(sought)) return 2;
  if (name.startsWith(sought)) return 3;
  if (words.some((word) => word.startsWith(sought))) return 4;
  if (tags.some((tag) => tag.startsWith(sought))) return 5;
  return name.includes(sought) ? 6 : NOT;
}
