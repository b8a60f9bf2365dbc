// Asks a Prometheus that scraped a loaded cluster every query of every dashboard: each must find a series.
//   node ask.js http://127.0.0.1:9090
import { dashboards } from "./dashboards.js";

// Labelled counters are not there before their first value; these rise only where something is refused or fails.
const quiet = [
  "confab_gateway_refusals_total",
  "confab_gateway_rejected_total",
  "confab_gateway_sockets_refused_total",
  "confab_jobs_failures_total",
  "confab_worker_query_refusals_total",
];

const [prometheus = "http://127.0.0.1:9090"] = process.argv.slice(2);

async function countSeries(query) {
  const concrete = query.replaceAll("$namespace", ".*").replaceAll("$__rate_interval", "1m");
  const answer = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: concrete })}`);
  const { data, error } = await answer.json();
  if (!data) throw new Error(`${query}: ${error}`);
  return data.result.length;
}

let asked = 0;
const empty = [];
for (const [name, { panels }] of Object.entries(dashboards)) {
  for (const { title, targets = [] } of panels) {
    for (const { expr } of targets) {
      asked += 1;
      const count = await countSeries(expr);
      const mayBeEmpty = quiet.some((metric) => expr.includes(metric));
      if (count === 0 && !mayBeEmpty) empty.push(`${name}, ${title}: ${expr}`);
    }
  }
}
for (const line of empty) console.error(`no series: ${line}`);
console.log(`${asked} queries, ${empty.length} without a series; refusals and failures may have none`);
process.exitCode = empty.length > 0 ? 1 : 0;
