import { describe, expect, it } from "vitest";
import { endOf } from "./status-end.ts";

describe("a status", () => {
  const noon = new Date(2026, 2, 28, 12).getTime();

  it("ends when it was said to", () => {
    expect(endOf("30m", noon)).toBe(noon + 1_800_000);
    expect(endOf("4h", noon)).toBe(noon + 14_400_000);
    expect(endOf("never", noon)).toBeNull();
  });

  it("ends with the day by the calendar, which is not always 24 hours", () => {
    expect(endOf("today", noon)).toBe(new Date(2026, 2, 29).getTime());
    expect(endOf("today", new Date(2026, 2, 29, 1).getTime())).toBe(new Date(2026, 2, 30).getTime());
  });
});
