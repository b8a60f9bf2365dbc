// What fits a few letters best: a name that begins so, then a word that does, then one that holds them in order.
import { escapeRegex } from "../../text/letters.ts";

/** Those that fit, the best first; all of them where nothing was written. */
export function rank<Item>(items: readonly Item[], text: string, nameOf: (item: Item) => string): Item[] {
  const sought = fold(text);
  if (sought === "") return [...items];
  return items
    .map((item) => ({ item, score: score(fold(nameOf(item)), sought) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ item }) => item);
}

function score(name: string, sought: string): number {
  const bare = name.replace(/^[#@*]/, "");
  if (bare.startsWith(sought) || name.startsWith(sought)) return 4 - bare.length / 1000;
  if (new RegExp(`[\\s_.-]${escapeRegex(sought)}`).test(bare)) return 3 - bare.length / 1000;
  if (bare.includes(sought)) return 2 - bare.length / 1000;
  return isSubsequence(sought, bare) ? 1 - bare.length / 1000 : 0;
}

function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (const letter of whole) if (letter === part[at]) at += 1;
  return at === part.length;
}

/** Without case and accents. */
const fold = (text: string) => text.trim().normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
