// For how long nothing is told, as people choose it.
import { MUTED_FOR_GOOD } from "confab-client";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { HOUR_S, MINUTE_S, span } from "../../lang/spans.ts";

/** "no": it is not muted, "kept": as it is now, "good": until somebody switches it back on; else so many seconds. */
export type Mute = "no" | "kept" | "good" | number;

const SPANS = [15 * MINUTE_S, HOUR_S, 8 * HOUR_S, 24 * HOUR_S] as const;

/** What is offered; with the end that was set, where that is still to come. */
export function mutes(end: number | null): { value: Mute; label: string }[] {
  const spans = SPANS.map((seconds) => ({ value: seconds, label: t("for {time}", { time: span(seconds) }) }));
  const good = { value: "good" as const, label: t("until I switch it back on") };
  const kept = end === null || end >= MUTED_FOR_GOOD ? [] : [{ value: "kept" as const, label: t("until {time}", { time: moment(end) }) }];
  return [{ value: "no", label: t("not muted") }, ...kept, ...spans, good];
}

/** How it is now. */
export function muteOf(end: number | null): Mute {
  if (end === null) return "no";
  return end >= MUTED_FOR_GOOD ? "good" : "kept";
}

/** When it ends, in milliseconds since 1970; `end` is what was set before. */
export function endOf(mute: Mute, end: number | null, now: number): number | null {
  if (mute === "no") return null;
  if (mute === "kept") return end;
  return mute === "good" ? MUTED_FOR_GOOD : now + mute * 1000;
}
