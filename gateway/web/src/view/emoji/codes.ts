// Emoji as many write them, by their codes: `:tada:`.
import { outsideCode } from "../../text/atoms.ts";
import { LETTERS } from "../../text/letters.ts";

/** One or several in a row; not what stands in a time, a word or an address. */
const CODES = new RegExp(`(?<![${LETTERS}:/]):(?:[${LETTERS}+-]+:)(?::[${LETTERS}+-]+:)*`, "gu");
const CODE = /:([^:]+):/g;

/** What a text would be with each code replaced that stands for an emoji; code of programs stays as it is. */
export function replaceCodes(text: string, emojiOf: (code: string) => string | undefined): string {
  const replaced = (run: string) => run.replace(CODE, (whole, code: string) => emojiOf(code.toLowerCase()) ?? whole);
  return outsideCode(text, (outside) => outside.replace(CODES, replaced));
}

export const mayHoldCodes = (text: string): boolean => text.search(CODES) >= 0;

/** The same with the emoji there are, which are fetched for it; the text itself where they cannot be had. */
export async function withEmoji(text: string): Promise<string> {
  if (!mayHoldCodes(text)) return text;
  const codes = await import("./data.ts").then(({ emojiByCode }) => emojiByCode()).catch(() => undefined);
  return codes === undefined ? text : replaceCodes(text, (code) => codes.get(code));
}
