// Lengths of time, as people say them: "10 minutes", "1 day". By `Intl`, in the language that is shown.
import { language } from "./index.ts";

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const YEAR = 365 * DAY;

const UNITS = [["year", YEAR], ["day", DAY], ["hour", HOUR], ["minute", MINUTE], ["second", 1]] as const;

/** So many seconds, in the largest unit that says it exactly. */
export function span(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size && seconds % size === 0) ?? ["second", 1];
  return new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "long" }).format(seconds / size);
}

/** For how long somebody may be silenced. */
export const SILENCES: readonly number[] = [MINUTE, 10 * MINUTE, HOUR, DAY, 7 * DAY, 28 * DAY];

/** What is offered, and what was set otherwise, by another client. */
export const offered = (usual: readonly number[], own: number): readonly number[] =>
  usual.includes(own) ? usual : [...usual, own].sort((a, b) => a - b);

/** How long to wait, rounded up, in a unit that counts visibly: "12 sec", "5 min", "6 hr". */
export function wait(seconds: number): string {
  const [unit, size] = seconds < 120 ? ["second", 1] : seconds < 7_200 ? ["minute", 60] : ["hour", 3_600];
  return new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "short" }).format(Math.ceil(seconds / size));
}
