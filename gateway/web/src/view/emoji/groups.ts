// The groups of emoji, as Unicode has them, and what stands for each where one jumps to it.
import type { Sentence } from "../../lang/index.ts";

export interface Group {
  /** As the data calls it. */
  id: number;
  title: Sentence;
  sign: string;
}

export const GROUPS: readonly Group[] = [
  { id: 0, title: "Smileys", sign: "😀" },
  { id: 1, title: "People and gestures", sign: "👋" },
  { id: 3, title: "Animals and nature", sign: "🐻" },
  { id: 4, title: "Food and drink", sign: "🍔" },
  { id: 5, title: "Travel and places", sign: "🚗" },
  { id: 6, title: "Activities", sign: "⚽" },
  { id: 7, title: "Objects", sign: "💡" },
  { id: 8, title: "Symbols", sign: "❤️" },
  { id: 9, title: "Flags", sign: "🏁" },
];
