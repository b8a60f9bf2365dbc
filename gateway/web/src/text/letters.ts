// What a letter is, in all that is written: as the server has it, marks that stand for vowels among them.

/** What words consist of, within the brackets of a pattern with the flag `u`. */
export const LETTERS = "\\p{Alphabetic}\\p{N}_";

const STARTS = new RegExp(`^[${LETTERS}]`, "u");
const ENDS = new RegExp(`[${LETTERS}]$`, "u");

/** Whether a text begins with a letter, a digit or `_`. */
export const startsWithLetter = (text: string): boolean => STARTS.test(text);

/** Whether one of these is right before a place. */
export const letterBefore = (text: string, at: number): boolean => ENDS.test(text.slice(Math.max(0, at - 2), at));

/** The character at a place as a whole: a place counts units of UTF-16, of which some have two. */
export const charFrom = (text: string, at: number): string => {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
};

/** A text as it stands in a pattern, where it means only itself. */
export const escapeRegex = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
