import { describe, expect, it } from "vitest";
import { byRelevance } from "./relevance.ts";

const ALL = [
  { emoji: "😹", name: "cat with tears of joy", tags: ["face"] },
  { emoji: "🎓", name: "graduation cap", tags: ["education"] },
  { emoji: "🐱", name: "cat face", tags: ["pet"] },
  { emoji: "🐈", name: "cat", tags: ["pet"] },
  { emoji: "🏰", name: "castle", tags: ["european"] },
  { emoji: "🥎", name: "softball", tags: ["catch"] },
  { emoji: "🚚", name: "delivery truck", tags: ["vehicle"] },
  { emoji: "📍", name: "round pushpin", tags: ["location"] },
];

const found = (text: string, used: string[] = []) => byRelevance(ALL, text, used).map(({ emoji }) => emoji);

describe("an emoji", () => {
  it("is found by its name, a word of it, its beginning, and what it holds, in this order", () => {
    expect(found("cat")).toEqual(["🐈", "😹", "🐱", "🥎"]);
    expect(found("ush")).toEqual(["📍"]);
    expect(found("ca")).toEqual(["😹", "🐱", "🐈", "🏰", "🎓", "🥎"]);
  });

  it("comes first where it was used, among equally good ones", () => {
    expect(found("cat", ["🐱"])).toEqual(["🐈", "🐱", "😹", "🥎"]);
  });

  it("is found in whatever case its name is written", () => {
    expect(byRelevance([{ emoji: "🏠", name: "Haus", tags: [] }], "haus", []).map(({ name }) => name)).toEqual(["Haus"]);
  });

  it("is found first by the code it has elsewhere", () => {
    const party = { emoji: "🎉", name: "party popper", tags: [], codes: ["tada"] };
    expect(byRelevance([{ emoji: "🪅", name: "tada", tags: [] }, party], "tada", ["🎉"])[0]).toBe(party);
  });

  it("has spaces for underscores, and nothing for nothing", () => {
    expect(found("delivery_truck")).toEqual(["🚚"]);
    expect(found("zzz")).toEqual([]);
    expect(found("")).toHaveLength(ALL.length);
  });
});
