import type { AnyId, ChannelId, FoundMessage, UserId } from "confab-client";
import { describe, expect, it } from "vitest";
import { LANGUAGES } from "../../lang/index.ts";
import { excerpt, marked } from "../found/words.ts";
import { dayAfter, readDay, writtenDay } from "./days.ts";
import { isEmpty, readQuery, type Meaning } from "./filter.ts";
import { countOf, withAnswer, withoutMessages, type Group } from "./groups.ts";
import { partAt, partsOf, replaced, sameParts, without } from "./query.ts";
import { operatorsLike, operatorWord, OPERATORS, valueWord, written } from "./words.ts";

const NOW = new Date(2026, 10, 22, 15).getTime();
const day = (year: number, month: number, date: number) => new Date(year, month - 1, date).getTime();

const NAMES: Record<string, number> = { ana: 5, "ana maria": 6, maintainers: 34 };
const meaning: Meaning = {
  person: (name) => (name === "maintainers" ? undefined : (NAMES[name.toLowerCase()] as UserId | undefined)),
  called: (name) => NAMES[name.toLowerCase()] as AnyId | undefined,
  channel: (name) => (name === "gateway" ? (20 as ChannelId) : undefined),
  day: (text) => readDay(text, NOW),
};
const read = (query: string) => readQuery(query, meaning);

describe("a query", () => {
  const shape = (query: string) => partsOf(query).map((part) => (part.kind === "word" ? part.text : `${part.operator}=${part.text}`));

  it("consists of words, quoted texts and operators", () => {
    expect(shape('lunch "two words" from:ana')).toEqual(["lunch", "two words", "from=ana"]);
    expect(shape('FROM:"Ana Maria"  in:#gateway')).toEqual(["from=Ana Maria", "in=#gateway"]);
    expect(shape("  ")).toEqual([]);
  });

  it("has no other operators, and closes what is open", () => {
    expect(shape("https://x.example a:b")).toEqual(["https://x.example", "a:b"]);
    expect(shape('"never closed')).toEqual(["never closed"]);
    expect(shape('from:"Ana Ma')).toEqual(["from=Ana Ma"]);
    expect(shape("from: lunch")).toEqual(["from=", "lunch"]);
  });

  it("knows what is being written", () => {
    expect(partAt("lunch fro", 9)).toMatchObject({ kind: "word", text: "fro" });
    expect(partAt("from:an lunch", 7)).toMatchObject({ kind: "term", operator: "from", text: "an" });
    expect(partAt("lunch ", 6)).toBeUndefined();
  });

  it("is completed and shortened by parts", () => {
    const query = "from:an lunch";
    const [term] = partsOf(query);
    expect(replaced(query, term ?? { from: 0, to: 0 }, written("from", "Ana Maria", "en"))).toEqual({ text: 'from:"Ana Maria" lunch', caret: 17 });
    expect(replaced("fro", { from: 0, to: 3 }, "from:")).toEqual({ text: "from:", caret: 5 });
    expect(without("a from:b c", { from: 2, to: 8 })).toBe("a c");
  });
});

describe("an operator", () => {
  it("means the same in each language", () => {
    const query = (language: (typeof LANGUAGES)[number]) =>
      [
        written("from", "ana", language),
        written("mentions", "maintainers", language),
        written("in", "gateway", language),
        written("is", valueWord("pinned", language), language),
        written("has", valueWord("link", language), language),
        written("before", "10.3.2026", language),
        written("after", "1.3.2026", language),
      ].join(" ");
    expect(query("de")).toBe("von:ana erwähnt:maintainers in:gateway ist:angeheftet hat:link vor:10.3.2026 nach:1.3.2026");
    expect(read(query("de"))).toEqual(read(query("en")));
    expect(read("VON:ana before:10.3.2026").filter).toEqual({ from: [5], before: day(2026, 3, 10) });
    expect(sameParts("von:ana", "from:ana")).toBe(true);
    expect(sameParts("von:ana", "in:ana")).toBe(false);
  });

  it("is a word of its own in each language, and found by how it begins in any", () => {
    for (const language of LANGUAGES) expect(new Set(OPERATORS.map((operator) => operatorWord(operator, language))).size).toBe(OPERATORS.length);
    expect(operatorsLike("vo")).toEqual(["from", "before"]);
    expect(operatorsLike("fr")).toEqual(["from"]);
  });
});

describe("what is asked for", () => {
  it("has ids for names, any of several", () => {
    expect(read('lunch from:@ana from:"ana maria" in:#gateway mentions:maintainers')).toEqual({
      filter: { words: ["lunch"], from: [5, 6], channels: [20], mentions: [34] },
      words: ["lunch"],
      unknown: [],
    });
    expect(read("is:pinned has:link").filter).toEqual({ pinned: true, has: ["link"] });
  });

  it("says which values mean nothing", () => {
    const { filter, unknown } = read("from:zoe is:red before:never");
    expect(filter).toEqual({});
    expect(unknown.map(({ operator, text }) => `${operator}:${text}`)).toEqual(["from:zoe", "is:red", "before:never"]);
    expect(isEmpty(read("  "))).toBe(true);
    expect(isEmpty(read("from:zoe"))).toBe(false);
  });

  it("counts days by the reader's calendar: before one begins, after one ends", () => {
    expect(read("after:1.3.2026 before:2026-03-10").filter).toEqual({ after: day(2026, 3, 2), before: day(2026, 3, 10) });
    expect(read("before:10.3.2026 before:5.3.2026").filter).toEqual({ before: day(2026, 3, 5) });
  });
});

describe("a day", () => {
  it.each([
    ["2026-03-01", day(2026, 3, 1)],
    ["1.3.2026", day(2026, 3, 1)],
    ["01/03/26", day(2026, 3, 1)],
    ["1.3.", day(2026, 3, 1)],
    ["24.12.", day(2025, 12, 24)],
    ["1. März 2026", day(2026, 3, 1)],
    ["1 march 2026", day(2026, 3, 1)],
    ["3 Okt", day(2026, 10, 3)],
    ["gestern", day(2026, 11, 21)],
    ["Today", day(2026, 11, 22)],
    ["yesterday", day(2026, 11, 21)],
  ])("is read as it is written: %s", (text, expected) => {
    expect(readDay(text, NOW)).toBe(expected);
  });

  it.each(["31.4.2026", "0.1.2026", "soon", "2026", "2026-13-01", ""])("is not anything else: %s", (text) => {
    expect(readDay(text, NOW)).toBeUndefined();
  });

  it("is written so that it can be read", () => {
    for (const language of LANGUAGES) expect(readDay(writtenDay(NOW, language), NOW)).toBe(day(2026, 11, 22));
    expect(dayAfter(day(2026, 3, 29))).toBe(day(2026, 3, 30));
  });
});

describe("hits", () => {
  const hit = (id: number, channel: number) => ({ channel_id: channel, message: { message_id: id } }) as unknown as FoundMessage;
  const shape = (groups: readonly Group[]) => groups.map(({ channel, hits }) => [channel, ...hits.map(({ message }) => message.message_id)]);

  it("stand by channel, that of the newest first, and what comes later moves nothing", () => {
    const first = withAnswer([], [hit(9, 1), hit(8, 2), hit(7, 1)]);
    expect(shape(first)).toEqual([[1, 9, 7], [2, 8]]);
    const second = withAnswer(first, [hit(6, 2), hit(5, 1)]);
    expect(shape(second)).toEqual([[1, 9, 7], [2, 8, 6], [1, 5]]);
    expect(countOf(second)).toBe(5);
    expect(withAnswer(second, [])).toEqual(second);
  });

  it("go with their messages", () => {
    const groups = withAnswer([], [hit(9, 1), hit(8, 2)]);
    expect(shape(withoutMessages(groups, [8 as never]))).toEqual([[1, 9]]);
  });
});

describe("words in a text", () => {
  const shape = (text: string, words: string[]) => marked(text, words).map(({ text, hit }) => (hit ? `[${text}]` : text)).join("");

  it("are marked in whatever case, the longest first, and as they are", () => {
    expect(shape("Lunch? lunchtime", ["lunch"])).toBe("[Lunch]? [lunch]time");
    expect(shape("a.b axb", ["a.b"])).toBe("[a.b] axb");
    expect(shape("gateways", ["gate", "gateway"])).toBe("[gateway]s");
    expect(shape("nothing", [])).toBe("nothing");
  });

  it("are in sight, also far down in a long text", () => {
    const long = `${"far ".repeat(200)}needle ${"away ".repeat(200)}`;
    const shown = excerpt(long, ["needle"]);
    expect(shown).toContain("needle");
    expect(shown.length).toBeLessThan(340);
    expect(shown.startsWith("…")).toBe(true);
    expect(excerpt("short", ["x"])).toBe("short");
    expect(excerpt(long, ["absent"]).startsWith("far far")).toBe(true);
  });
});
