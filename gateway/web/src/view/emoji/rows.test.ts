import { describe, expect, it } from "vitest";
import { rowsOf, stepIn } from "./rows.ts";

const SECTIONS = [
  { title: "Recent", emoji: [..."ab"] },
  { title: "None", emoji: [] },
  { title: "Letters", emoji: [..."cdefgh"] },
];

describe("emoji in a grid", () => {
  it("stand in rows below the heading of their group", () => {
    expect(rowsOf(SECTIONS, 4)).toEqual([
      { title: "Recent" },
      { from: 0, emoji: ["a", "b"] },
      { title: "Letters" },
      { from: 2, emoji: ["c", "d", "e", "f"] },
      { from: 6, emoji: ["g", "h"] },
    ]);
    expect(rowsOf([{ title: "", emoji: ["a"] }], 4)).toEqual([{ from: 0, emoji: ["a"] }]);
  });

  it("are gone through by arrows, over headings and shorter rows", () => {
    const rows = rowsOf(SECTIONS, 4);
    const step = (key: string, place: number) => stepIn(rows, key, place);
    expect(step("ArrowDown", 1)).toBe(3);
    expect(step("ArrowDown", 5)).toBe(7);
    expect(step("ArrowDown", 7)).toBe(7);
    expect(step("ArrowUp", 4)).toBe(1);
    expect(step("ArrowRight", 1)).toBe(2);
    expect(step("ArrowLeft", 0)).toBe(0);
    expect([step("Home", 5), step("End", 0), step("a", 0)]).toEqual([0, 7, undefined]);
  });
});
