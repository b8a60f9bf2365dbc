// Which metrics there are, from the references that each program writes, and which no panel shows, with the reason.
import { readFileSync } from "node:fs";

/** Metrics without a panel. */
export const leftOut = {
  confab_gateway_answers_late_total: "the same as confab_gateway_unknown_total, seen later",
  confab_gateway_events_foreign_total: "rises only after a restore, which the log tells of",
  confab_lane_register_accounts_total: "says something only beside confab_lane_registers_total, for tuning",
  confab_presence_accounts: "the workers' copy of confab_gateway_presence_accounts",
  confab_presence_garbled_total: "as that of gateways, and the log has the cause",
  confab_presence_holes_total: "mended by the questions that are shown",
  confab_presence_silent_total: "the workers' copy of confab_gateway_presence_silent_total",
  confab_worker_query_malformed_total: "cannot happen between programs of one cluster; the log has it",
};

/** Every metric that a program shows. */
export function listMetrics(root) {
  return ["gateway", "worker"].flatMap((program) => {
    const text = readFileSync(new URL(`docs/metrics-${program}.md`, root), "utf8");
    return [...text.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  });
}

// A query reads the parts of a histogram.
const namesIn = (query) => [...query.matchAll(/\bconfab_\w+/g)].map(([name]) => name.replace(/_bucket$/, ""));

/** What is wrong: metrics that no panel shows and none is said to leave out, and names that no program has. */
export function findGaps(metrics, queries) {
  const known = new Set(metrics);
  const shown = new Set(queries.flatMap(namesIn));
  return [
    ...[...known].filter((name) => !shown.has(name) && !leftOut[name]).map((name) => `${name} is in no panel and not left out`),
    ...[...shown].filter((name) => !known.has(name)).map((name) => `no program has ${name}`),
    ...Object.keys(leftOut).filter((name) => !known.has(name) || shown.has(name)).map((name) => `${name} is left out for nothing`),
  ];
}
