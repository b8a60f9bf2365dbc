// A cluster for tests: our own programs start Postgres, Redis, two workers and two gateways in a
// folder of their own, on free ports, and end with the test.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Where cargo put the programs: `cluster`, and beside it `gateway` and `worker`. */
const PROGRAMS = process.env.CONFAB_PROGRAMS ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug");

/** Whether the programs are built. */
export const canStart = existsSync(join(PROGRAMS, "cluster"));

/** What has a cluster take all that a test can ask. */
export const OPEN = {
  CONFAB_SIGNUP: "open",
  CONFAB_GUESTS: "true",
  ...each("LIMIT", ["SEND", "WRITE", "SIGNAL", "REGISTER", "READ", "SEARCH", "SIGN_IN"], "off"),
  ...each("MAX", ["SERVERS", "GUESTS"], "1000000"),
  ...Object.fromEntries(["ACCOUNT", "OPENING", "ADDRESS", "STRANGER"].map((what) => [`CONFAB_${what}_RATE`, "1000000"])),
};

function each(kind, names, value) {
  return Object.fromEntries(names.map((name) => [`CONFAB_${kind}_${name}`, value]));
}

/** Starts a cluster with these variables, and waits until it serves. */
export async function startCluster(environment = {}) {
  const folder = await mkdtemp(join(tmpdir(), "confab-web-"));
  // Where Postgres runs as another user, it has to reach its data here: elsewhere nobody would delete them.
  await chmod(folder, 0o755);
  const program = spawn(join(PROGRAMS, "cluster"), ["up"], {
    cwd: folder,
    // Of a test's gateways nothing stands in front but what the test puts there.
    env: { ...process.env, CONFAB_HAPROXY: undefined, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const run = join(folder, ".confab", "run");
  let said = "";
  program.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  const ended = new Promise((resolve) => program.once("exit", resolve));
  const up = new Promise((resolve) => program.stderr.on("data", () => said.includes("the cluster is up") && resolve()));
  await Promise.race([
    up,
    ended.then((code) => Promise.reject(new Error(`the cluster ended with ${code}:\n${said}`))),
  ]);
  const variables = await readFile(join(run, "env"), "utf8");
  const [, sockets = ""] = /CONFAB_GATEWAYS='([^']*)'/.exec(variables) ?? [];
  return {
    /** The addresses of the gateways, as people open them. */
    urls: sockets.split(",").map((url) => url.replace(/^ws/, "http")),
    /** Runs statements in its database, for what would take a client hours. */
    async sql(statements) {
      const [, database = ""] = /DATABASE_URL='([^']*)'/.exec(variables) ?? [];
      const beside = join(process.env.CONFAB_PG_BIN ?? "", "psql");
      const psql = existsSync(beside) ? beside : "psql";
      await promisify(execFile)(psql, ["-qX", "-v", "ON_ERROR_STOP=1", "-c", statements, database]);
    },
    /** Ends a process as a crash does: `gateway-1`, `worker-2`. */
    async kill(name) {
      const record = await readFile(join(run, name), "utf8");
      process.kill(Number(record.split(" ")[0]), "SIGKILL");
    },
    async stop() {
      program.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
