// Which steps of a decision name a permission: the last of them decided.
import type { Permissions, Step } from "confab-client";

export interface Link {
  step: Step;
  allows: boolean;
  /** Whether nothing after it says otherwise. */
  decides: boolean;
}

/** The steps that say something of this permission, in their order. One that does both takes first, and then gives. */
export function chainOf(steps: readonly Step[], bit: Permissions): Link[] {
  const named = steps.filter(({ allow, deny }) => ((allow | deny) & bit) !== 0);
  return named.map((step, index) => ({ step, allows: (step.allow & bit) !== 0, decides: index === named.length - 1 }));
}
