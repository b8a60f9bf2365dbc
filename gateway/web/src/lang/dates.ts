// Moments, as people say them. Everything by `Intl`, in the language that is shown and the zone of the reader.
import { language } from "./index.ts";
import { DAY_MS } from "./spans.ts";

/** The protocol counts the time in ids from here. */
const EPOCH = Date.UTC(2026, 0, 1);

/** When an id was made: its upper bits are milliseconds. */
export const timeOfId = (id: number): number => EPOCH + Math.floor(id / 4096);

/** "14:05" */
export const time = (moment: number) => format(moment, { hour: "2-digit", minute: "2-digit" });

/** "3 March 2026" */
export const date = (moment: number) => format(moment, { day: "numeric", month: "long", year: "numeric" });

/** "Monday, 3 March 2026, 14:05": for a tooltip. */
export const exact = (moment: number) => format(moment, { dateStyle: "full", timeStyle: "short" });

/** "14:05" today, "yesterday, 14:05", else with the date. */
export function moment(at: number, now = Date.now()): string {
  const days = daysBetween(at, now);
  if (days === 0) return time(at);
  if (days === 1) return `${relative(-1)}, ${time(at)}`;
  return format(at, { day: "numeric", month: "short", ...(sameYear(at, now) ? {} : { year: "numeric" }), hour: "2-digit", minute: "2-digit" });
}

/** What stands on the line between two days: "Today", "Yesterday", or the date. */
export function day(at: number, now = Date.now()): string {
  const days = daysBetween(at, now);
  return days === 0 || days === 1 ? capital(relative(-days)) : date(at);
}

export const isSameDay = (one: number, other: number) => startOfDay(one) === startOfDay(other);

/** Whole days by the calendar, not by hours: a day may have 23 or 25. */
function daysBetween(earlier: number, later: number): number {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / DAY_MS);
}

const startOfDay = (at: number) => new Date(at).setHours(0, 0, 0, 0);
const sameYear = (one: number, other: number) => new Date(one).getFullYear() === new Date(other).getFullYear();
const relative = (days: number) => new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(days, "day");
const capital = (text: string) => text.charAt(0).toLocaleUpperCase(language()) + text.slice(1);

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format costs more than using it a thousand times. */
function format(at: number, options: Intl.DateTimeFormatOptions): string {
  const key = `${language()} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (found === undefined) formats.set(key, (found = new Intl.DateTimeFormat(language() === "en" ? "en-GB" : language(), options)));
  return found.format(at);
}
