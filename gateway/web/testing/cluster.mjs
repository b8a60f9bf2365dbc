// A cluster for tests: our own programs start Postgres, Redis, two workers and two gateways in a
// folder of their own, on free ports, and end with the test.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Where cargo put the programs: `cluster`, and beside it `gateway` and `worker`. */
const PROGRAMS = process.env.CONFAB_PROGRAMS ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug");

/** Whether the programs are built. */
export const canStart = existsSync(join(PROGRAMS, "cluster"));

/** Starts a cluster with these variables, and waits until it serves. */
export async function startCluster(environment = {}) {
  const folder = await mkdtemp(join(tmpdir(), "confab-web-"));
  const program = spawn(join(PROGRAMS, "cluster"), ["up"], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const run = join(folder, ".confab", "run");
  let said = "";
  program.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  const ended = new Promise((resolve) => program.once("exit", resolve));
  await Promise.race([
    appears(program.stderr, join(run, "ready")),
    ended.then((code) => Promise.reject(new Error(`the cluster ended with ${code}:\n${said}`))),
  ]);
  const variables = await readFile(join(run, "env"), "utf8");
  const [, sockets = ""] = /CONFAB_GATEWAYS='([^']*)'/.exec(variables) ?? [];
  return {
    /** The addresses of the gateways, as people open them. */
    urls: sockets.split(",").map((url) => url.replace(/^ws/, "http")),
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

/** Waits for a file: the program says something each time it got on. */
async function appears(output, file) {
  while (!existsSync(file)) await new Promise((resolve) => output.once("data", resolve));
}
