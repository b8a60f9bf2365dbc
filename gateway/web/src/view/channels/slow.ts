// How slow a channel may be.
import { LIMITS } from "confab-client";
import { t } from "../../lang/index.ts";
import { offered, span } from "../../lang/spans.ts";

const STEPS = [0, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, LIMITS.MAX_SLOW_MODE];

/** What is offered, and what another client set. */
export function slowModes(current: number): { value: number; label: string }[] {
  return offered(STEPS, current).map((value) => ({ value, label: value === 0 ? t("Off") : span(value) }));
}
