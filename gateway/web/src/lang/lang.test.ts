import { REFUSALS } from "confab-client";
import { describe, expect, it, vi } from "vitest";
import { german } from "./de/index.ts";
import { day, moment, timeOfId } from "./dates.ts";
import { bytesText, countText } from "./figures.ts";
import { elapsed, span, wait } from "./spans.ts";
import { fill, list, preferred, speak, tn } from "./index.ts";
import { PLURALS } from "./plurals.ts";
import { SENTENCES } from "./refusals.ts";

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe("the catalogue", () => {
  it("has a sentence for every refusal, in both languages", () => {
    expect(Object.keys(SENTENCES).sort()).toEqual(Object.keys(REFUSALS).sort());
    for (const sentence of Object.values(SENTENCES)) expect(german.messages[sentence], sentence).toBeTruthy();
  });

  it.each(Object.entries(german.messages))("names the same values in both languages: %s", (english, text) => {
    expect(names(text)).toEqual(names(english));
    expect(text.trim()).not.toBe("");
  });

  it("has every plural in German", () => {
    expect(Object.keys(german.plurals).sort()).toEqual(Object.keys(PLURALS).sort());
  });

  it("chooses the form by the number", () => {
    expect(tn("{count} new messages", 1)).toBe("1 new message");
    expect(tn("{count} new messages", 1200)).toBe("1,200 new messages");
  });

  it("has its other values in the form that the number chooses", async () => {
    const roles = () => [tn("the roles {roles}", 1, { roles: "A" }), tn("the roles {roles}", 2, { roles: list(["A", "B"]) })];
    expect(roles()).toEqual(["the role A", "the roles A and B"]);
    vi.stubGlobal("document", { documentElement: {} });
    await speak("de");
    expect(roles()).toEqual(["die Rolle A", "die Rollen A und B"]);
    await speak("en");
    vi.unstubAllGlobals();
  });

  it.each(Object.entries(german.plurals))("names the same values in every form: %s", (english, german) => {
    for (const form of [...Object.values(german), ...Object.values(PLURALS[english as keyof typeof PLURALS])]) {
      expect(names(english)).toEqual(expect.arrayContaining(names(form)));
    }
  });

  it("takes the first language that it has", () => {
    expect(preferred(["fr-FR", "de-AT", "en"])).toBe("de");
    expect(preferred(["fr"])).toBe("en");
  });

  it("leaves what has no value as it is", () => {
    expect(fill("{a} and {b}", { a: 1 })).toBe("1 and {b}");
  });
});

describe("dates", () => {
  const noon = new Date(2026, 2, 30, 12).getTime();

  it("reads the time from an id", () => {
    expect(new Date(timeOfId(4096 * 1000)).toISOString()).toBe("2026-01-01T00:00:01.000Z");
  });

  it("says today and yesterday by the calendar, across a change of the clock", () => {
    expect(day(noon, noon)).toBe("Today");
    expect(day(new Date(2026, 2, 29, 0, 30).getTime(), noon)).toBe("Yesterday");
    expect(day(new Date(2026, 2, 28, 23, 30).getTime(), noon)).toBe("28 March 2026");
  });

  it("is short where it may be", () => {
    expect(moment(new Date(2026, 2, 30, 9, 5).getTime(), noon)).toBe("09:05");
    expect(moment(new Date(2026, 2, 29, 9, 5).getTime(), noon)).toBe("yesterday, 09:05");
    expect(moment(new Date(2025, 2, 29, 9, 5).getTime(), noon)).toContain("2025");
  });
});

describe("figures", () => {
  it("are said in the unit that fits", () => {
    expect([0, 999, 1_400_000, 12e9, 4e16].map(bytesText)).toEqual(["0 byte", "999 byte", "1.4 MB", "12 GB", "40,000 TB"]);
    expect(countText(1400)).toBe("1,400");
  });
});

describe("lengths of time", () => {
  it("are said exactly, rounded up to wait, and down for what has lasted", () => {
    expect([60, 90, 7 * 86_400, 365 * 86_400].map(span)).toEqual(["1 minute", "90 seconds", "7 days", "1 year"]);
    expect([0.2, 119, 121, 7_201].map(wait)).toEqual(["1 sec", "119 sec", "3 min", "3 hr"]);
    expect([0, 59_999, 60_000, 7_199_999, 3 * 86_400_000, 400 * 86_400_000].map(elapsed)).toEqual(["0 seconds", "59 seconds", "1 minute", "1 hour", "3 days", "400 days"]);
  });
});
