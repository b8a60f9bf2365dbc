import { describe, expect, it } from "vitest";
import { askedAt, put } from "./asked.ts";
import { toggle } from "./format.ts";

/** `|` is the caret. */
const asked = (written: string) => askedAt(written.replace("|", ""), written.indexOf("|"));
function inserted(written: string, text: string): string {
  const found = asked(written);
  if (found === undefined) return written;
  const next = put(written.replace("|", ""), written.indexOf("|"), found, { name: "", text });
  return `${next.text.slice(0, next.caret)}|${next.text.slice(next.caret)}`;
}

describe("what is asked for", () => {
  it("begins with its sign at the start of a word", () => {
    expect(asked("hi @an|")).toEqual({ sign: "@", text: "an", from: 3 });
    expect(asked("@|")).toEqual({ sign: "@", text: "", from: 0 });
    expect(asked("(#gen|")).toEqual({ sign: "#", text: "gen", from: 1 });
    expect(asked(":sm|")).toEqual({ sign: ":", text: "sm", from: 0 });
  });

  it("is nothing within a word, or behind a lone colon", () => {
    for (const text of ["me@an|", "a:b|", ": |", ":s|", "at 10:30|"]) expect(asked(text)).toBeUndefined();
  });

  it("is replaced, with one space behind it", () => {
    expect(inserted("hi @an| there", "<@3>")).toBe("hi <@3> |there");
    expect(inserted("@an|", "<@3>")).toBe("<@3> |");
  });
});

describe("marks", () => {
  it("go around a selection, and away again", () => {
    expect(toggle("a b c", 2, 3, "**")).toEqual({ text: "a **b** c", from: 4, to: 5 });
    expect(toggle("a **b** c", 4, 5, "**")).toEqual({ text: "a b c", from: 2, to: 3 });
  });
});
