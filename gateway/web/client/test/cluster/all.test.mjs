// What needs a cluster, on one of its own.

import { after, before } from "node:test";

import { OPEN, startCluster } from "../../../testing/cluster.mjs";
import { botAnswers } from "./bot.mjs";
import { outboxSurvives } from "./outbox.mjs";
import { randomRuns } from "./random.mjs";

let running;
const cluster = { urls: () => running.urls, kill: (name) => running.kill(name) };

before(async () => {
  running = await startCluster(OPEN);
});
after(() => running?.stop());

randomRuns(cluster);
botAnswers(cluster);
// The last: a gateway stays dead.
outboxSurvives(cluster);
