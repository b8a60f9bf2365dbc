// Days as people write them: 2026-03-01, 1.3.2026, 1/3, "1 March 2026", today, yesterday; in each language that the page speaks.
import { LANGUAGES } from "../../lang/index.ts";

/** When a day begins, in the zone of the reader; nothing where the text is no day. Without a year it is the last such day. */
export function readDay(text: string, now: number): number | undefined {
  const said = text.trim().toLowerCase();
  for (const tongue of LANGUAGES) {
    const ago = [0, 1].find((days) => said === relative(-days, tongue));
    if (ago !== undefined) return dayBefore(now, ago);
  }
  const [, isoYear, isoMonth, isoDay] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(said) ?? [];
  if (isoYear !== undefined) return dayOf(Number(isoYear), Number(isoMonth), Number(isoDay));
  const [, day, month, year] = /^(\d{1,2})[./](\d{1,2})[./]?(\d{2}|\d{4})?$/.exec(said) ?? [];
  if (day !== undefined) return dated(Number(day), Number(month), year, now);
  const [, monthDay, name = "", nameYear] = /^(\d{1,2})\.?\s+(\p{L}+)\.?\s*(\d{4})?$/u.exec(said) ?? [];
  if (monthDay === undefined) return undefined;
  const found = LANGUAGES.map((language) => monthNamed(name, language)).find((month) => month !== undefined);
  return found === undefined ? undefined : dated(Number(monthDay), found, nameYear, now);
}

/** The day after one: it may have 23 hours or 25. */
export function dayAfter(day: number): number {
  return dayBefore(day, -1);
}

export function dayBefore(moment: number, days: number): number {
  const at = new Date(moment);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() - days).getTime();
}

/** A day as it is written behind an operator. */
export function writtenDay(day: number, language: string): string {
  return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { day: "numeric", month: "numeric", year: "numeric" }).format(day);
}

function dated(day: number, month: number, year: string | undefined, now: number): number | undefined {
  if (year !== undefined) return dayOf(year.length === 2 ? 2000 + Number(year) : Number(year), month, day);
  const thisYear = new Date(now).getFullYear();
  const found = dayOf(thisYear, month, day);
  return found !== undefined && found > now ? dayOf(thisYear - 1, month, day) : found;
}

/** Nothing where there is no such day: the 31st of April. */
function dayOf(year: number, month: number, day: number): number | undefined {
  const at = new Date(year, month - 1, day);
  return at.getMonth() === month - 1 && at.getDate() === day ? at.getTime() : undefined;
}

function monthNamed(name: string, language: string): number | undefined {
  for (let month = 1; month <= 12; month += 1) {
    const full = new Intl.DateTimeFormat(language, { month: "long" }).format(new Date(2026, month - 1, 1)).toLowerCase();
    if (name.length >= 3 && full.startsWith(name)) return month;
  }
  return undefined;
}

const relative = (days: number, language: string) => new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(days, "day").toLowerCase();
