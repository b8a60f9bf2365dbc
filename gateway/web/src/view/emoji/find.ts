import { allEmoji, type Emoji } from "./data.ts";
import { usedEmoji } from "./recent.ts";
import { byRelevance } from "./relevance.ts";

/** Those that are meant by a few letters, the best first. */
export async function findEmoji(text: string): Promise<Emoji[]> {
  return byRelevance(await allEmoji(), text, usedEmoji());
}
