// Lengths of time, as people say them: "10 minutes", "1 day". By `Intl`, in the language that is shown.
import { inUnit } from "./figures.ts";

export const MINUTE_S = 60;
export const HOUR_S = 60 * MINUTE_S;
export const DAY_S = 24 * HOUR_S;
export const YEAR_S = 365 * DAY_S;
export const HOUR_MS = 1000 * HOUR_S;
export const DAY_MS = 1000 * DAY_S;

const UNITS = [["year", YEAR_S], ["day", DAY_S], ["hour", HOUR_S], ["minute", MINUTE_S], ["second", 1]] as const;

/** So many seconds, in the largest unit that says it exactly. */
export function span(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size && seconds % size === 0) ?? ["second", 1];
  return inUnit(seconds / size, unit, 0, "long");
}

/** How long to wait, rounded up, in a unit that counts visibly: "12 sec", "5 min", "6 hr". */
export function wait(seconds: number): string {
  const [unit, size] = seconds < 2 * MINUTE_S ? ["second", 1] : seconds < 2 * HOUR_S ? ["minute", MINUTE_S] : ["hour", HOUR_S];
  return inUnit(Math.ceil(seconds / size), unit, 0);
}

/** "3 hours": how long something has lasted, in the largest unit up to days of which there is one. */
export function elapsed(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => size <= DAY_S && ms >= 1000 * size) ?? ["second", 1];
  return inUnit(Math.floor(ms / (1000 * size)), unit, 0, "long");
}

/** For how long somebody may be silenced, in seconds. */
export const SILENCES: readonly number[] = [MINUTE_S, 10 * MINUTE_S, HOUR_S, DAY_S, 7 * DAY_S, 28 * DAY_S];

/** What is offered, and what was set otherwise, by another client. */
export const offered = (usual: readonly number[], own: number): readonly number[] =>
  usual.includes(own) ? usual : [...usual, own].sort((a, b) => a - b);
