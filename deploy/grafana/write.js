// Writes the dashboards; with --check, says what is stale and what no panel shows.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

import { dashboards } from "./dashboards.js";
import { findGaps, listMetrics } from "./metrics.js";

const check = process.argv.includes("--check");
const root = new URL("../../", import.meta.url);
const queries = Object.values(dashboards).flatMap((one) => one.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)));
const wrong = findGaps(listMetrics(root), queries);

for (const [name, one] of Object.entries(dashboards)) {
  const file = new URL(`dashboards/${name}.json`, import.meta.url);
  const text = `${JSON.stringify(one, null, 2)}\n`;
  if (!check) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) wrong.push(`${name}.json is stale: npm run write --prefix deploy/grafana`);
}
for (const line of wrong) console.error(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
