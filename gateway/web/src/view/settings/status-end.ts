// For how long a status holds.
import { HOUR_MS } from "../../lang/spans.ts";

export type Span = "30m" | "1h" | "4h" | "today" | "never";

/** When a status ends that is set `now`; null for never. */
export function endOf(span: Span, now: number): number | null {
  switch (span) {
    case "30m":
      return now + HOUR_MS / 2;
    case "1h":
      return now + HOUR_MS;
    case "4h":
      return now + 4 * HOUR_MS;
    case "today":
      return new Date(now).setHours(24, 0, 0, 0);
    case "never":
      return null;
  }
}
