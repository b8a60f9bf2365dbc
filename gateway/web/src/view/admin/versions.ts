// Which programs run beside each other: for some minutes while a deployment is updated, else by mistake.
import type { NodeStatus } from "confab-client";

/** The versions that run, the most frequent first; null for programs that are too old to tell. One where all agree. */
export function versionsOf(nodes: readonly NodeStatus[]): (string | null)[] {
  const counts = new Map<string | null, number>();
  for (const { version, gone } of nodes) {
    if (gone === null) counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([version]) => version);
}
