import { describe, expect, it } from "vitest";
import { emphasise, type Piece } from "./emphasis.ts";

/** How often a text is looked at, wherever that is. */
function looksAt(text: string): number {
  let looks = 0;
  const pieces = [...text].map((char): Piece => ({
    get char() {
      looks += 1;
      return char;
    },
  }));
  emphasise(pieces);
  return looks;
}

const long = (part: string, length: number) => part.repeat(Math.ceil(length / part.length)).slice(0, length);

describe("a hostile text", () => {
  it.each([
    ["marks that open and never close", (length: number) => long("*a ", length)],
    ["of all kinds", (length: number) => long("*a **b ~~c ||d _e ", length)],
    ["marks that close nothing", (length: number) => long("a* b** c~~ ", length)],
    ["one long run", (length: number) => long("*", length)],
    ["one run before a word, and one behind it", (length: number) => `${long("*", length / 2)}a${long("*", length / 2)}`],
    ["marks that change", (length: number) => long("*_", length)],
    ["pairs in pairs", (length: number) => long("**a *b* c** ", length)],
  ])("takes four times as long where it is four times as long: %s", (_, make) => {
    expect(looksAt(make(8_000)) / looksAt(make(2_000))).toBeLessThan(4.5);
  });
});
