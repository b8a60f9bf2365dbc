import { describe, expect, it } from "vitest";
import { tidy } from "./menu-items.ts";
import { place } from "./popover.ts";
import { nextIndex, nextOption } from "./roving.ts";
import { visibleRange } from "./visible-range.ts";

const item = (label: string) => ({ label, run: () => undefined });

describe("a menu", () => {
  it("has no line at an end and no two in a row", () => {
    const [a, b] = [item("a"), item("b")];
    expect(tidy([null, a, null, null, b, null])).toEqual([a, null, b]);
    expect(tidy([null, null])).toEqual([]);
  });
});

describe("roving", () => {
  it("moves in its own direction only, and stops at the ends", () => {
    expect(nextIndex("ArrowDown", 0, 3, "vertical")).toBe(1);
    expect(nextIndex("ArrowDown", 2, 3, "vertical")).toBe(2);
    expect(nextIndex("ArrowRight", 0, 3, "vertical")).toBeUndefined();
    expect(nextIndex("ArrowDown", 1, 20, "grid", 8)).toBe(9);
    expect(nextIndex("End", 0, 3, "horizontal")).toBe(2);
    expect(nextIndex("a", 0, 3, "grid")).toBeUndefined();
  });
});

describe("a list of options", () => {
  it("goes round at its ends, and begins at either of them where none is chosen", () => {
    expect(nextOption("ArrowDown", 0, 3)).toBe(1);
    expect(nextOption("ArrowDown", 2, 3)).toBe(0);
    expect(nextOption("ArrowUp", 0, 3)).toBe(2);
    expect(nextOption("ArrowDown", -1, 3)).toBe(0);
    expect(nextOption("ArrowUp", -1, 3)).toBe(2);
    expect(nextOption("ArrowDown", 0, 0)).toBeUndefined();
    expect(nextOption("Enter", 0, 3)).toBeUndefined();
  });
});

describe("what floats", () => {
  const screen = { width: 400, height: 300 };
  const size = { width: 200, height: 100 };

  it("stands below, or above where there is no room", () => {
    expect(place({ left: 20, top: 20, width: 30, height: 20 }, size, screen, "below")).toEqual({ left: 20, top: 44 });
    expect(place({ left: 20, top: 250, width: 30, height: 20 }, size, screen, "below")).toEqual({ left: 20, top: 146 });
  });

  it("never leaves the screen", () => {
    expect(place({ left: 390, top: 20, width: 10, height: 20 }, size, screen, "below").left).toBe(192);
    expect(place({ left: 0, top: 0, width: 0, height: 0 }, { width: 200, height: 290 }, screen, "below").top).toBe(8);
  });
});

describe("a virtual list", () => {
  it("draws a screen more on each side, and nothing that is not there", () => {
    expect(visibleRange(0, 320, 32, 1000)).toEqual({ first: 0, last: 21 });
    expect(visibleRange(3200, 320, 32, 1000)).toEqual({ first: 90, last: 121 });
    expect(visibleRange(0, 320, 32, 5)).toEqual({ first: 0, last: 5 });
  });
});
