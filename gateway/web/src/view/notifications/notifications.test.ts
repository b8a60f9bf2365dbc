import { LIMITS, MUTED_FOR_GOOD, type NotificationExplained, type PushDeviceId } from "confab-client";
import { describe, expect, it } from "vitest";
import { RULES, verdictOf } from "./explain-words.ts";
import { clockOf, minuteOf, zones } from "./hours.ts";
import { withKeyword } from "./keyword-list.ts";
import { NEVER, newsOf } from "./looked.ts";
import { endOf, muteOf, mutes } from "./mute.ts";

describe("hours", () => {
  it("are minutes of the day, and back", () => {
    expect([0, 425, 1_439].map(clockOf)).toEqual(["00:00", "07:05", "23:59"]);
    expect(["00:00", "07:05", "23:59", "23:59:30", ""].map(minuteOf)).toEqual([0, 425, 1_439, 1_439, 0]);
  });

  it("are of a zone that the browser knows, or that another one set", () => {
    const names = zones("Mars/Olympus_Mons").map(({ value }) => value);
    expect(names).toEqual(expect.arrayContaining(["Europe/Berlin", "UTC", "Mars/Olympus_Mons"]));
    expect(names).toEqual([...new Set(names)].sort());
    expect(zones("UTC").find(({ value }) => value === "America/New_York")?.label).toBe("America/New York");
  });
});

describe("keywords", () => {
  it("are each there once, whatever the case and the gaps", () => {
    expect(withKeyword(["lunch"], "  code   review ")).toEqual(["lunch", "code review"]);
    const held = ["Code review"];
    for (const text of ["code  REVIEW", "  ", ""]) expect(withKeyword(held, text)).toBe(held);
  });

  it("are as many as the server takes", () => {
    const full = Array.from({ length: LIMITS.MAX_KEYWORDS }, (_, at) => `word ${at}`);
    expect(withKeyword(full, "another")).toBe(full);
  });
});

describe("a mute", () => {
  const now = Date.UTC(2026, 0, 1);

  it("ends when it was said to, or never", () => {
    expect(endOf("no", now + 5, now)).toBeNull();
    expect(endOf("kept", now + 5, now)).toBe(now + 5);
    expect(endOf(15 * 60, null, now)).toBe(now + 900_000);
    expect(endOf("good", null, now)).toBe(MUTED_FOR_GOOD);
  });

  it("is offered as it stands", () => {
    for (const [end, how] of [[null, "no"], [now + 5, "kept"], [MUTED_FOR_GOOD, "good"]] as const) {
      expect(muteOf(end)).toBe(how);
      expect(mutes(end).map(({ value }) => value)).toContain(how);
    }
    expect(mutes(null).map(({ label }) => label)).toEqual(["not muted", "for 15 minutes", "for 1 hour", "for 8 hours", "for 1 day", "until I switch it back on"]);
  });
});

describe("an explanation", () => {
  const steps = (rule: keyof typeof RULES, holds: boolean): NotificationExplained["steps"] => [
    { rule: "not_own", scope: null, holds: true },
    { rule, scope: null, holds },
  ];

  it("is the reason, or the rule that did not hold", () => {
    expect(verdictOf({ reason: "keyword", steps: steps("may_be_disturbed", true) })).toBe("You are told: it says one of your keywords.");
    for (const rule of Object.keys(RULES) as (keyof typeof RULES)[]) {
      expect(verdictOf({ reason: null, steps: steps(rule, false) })).toBe(RULES[rule].fails);
    }
  });
});

it("a device that is told no more is news once", () => {
  const [phone, tablet] = [3, 5].map((device_id) => ({ device_id: device_id as PushDeviceId }));
  if (phone === undefined || tablet === undefined) throw new Error("there are two");
  expect(newsOf([phone], NEVER)).toEqual([phone]);
  expect(newsOf([phone, tablet], { at: 1, gone: [phone.device_id] })).toEqual([tablet]);
});
