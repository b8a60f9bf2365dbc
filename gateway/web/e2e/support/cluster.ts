// A cluster that our own programs start, with Postgres and Redis of its own, behind one address.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { canStart, OPEN, startCluster, type RunningCluster } from "../../testing/cluster.mjs";
import { Balancer } from "./balancer.ts";
import { PUSH } from "./push.ts";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));

export class Cluster {
  /** Whether a process of it was ended, so that the next test needs another one. */
  harmed = false;

  private constructor(
    private readonly programs: RunningCluster,
    readonly balancer: Balancer,
  ) {}

  static async start(): Promise<Cluster> {
    if (!canStart) throw new Error("the programs are not built: cargo build --workspace --bins");
    const programs = await startCluster(environment());
    const ports = programs.urls.map((url) => Number(new URL(url).port));
    return new Cluster(programs, await Balancer.start(ports));
  }

  /** Where the page is, whichever gateways live. */
  get origin(): string {
    return this.balancer.origin;
  }

  /** Runs statements in its database. */
  async sql(statements: string): Promise<void> {
    await this.programs.sql(statements);
  }

  /** Ends a gateway as a crash does: the first, or that with this number from 1. */
  async killGateway(number = 1): Promise<void> {
    this.harmed = true;
    await this.programs.kill(`gateway-${number}`);
  }

  async stop(): Promise<void> {
    await this.balancer.stop();
    await this.programs.stop();
  }
}

/** Anybody may sign up, and nobody is told to slow down: a test does in seconds what people do in hours. */
function environment(): Record<string, string> {
  const builtIn = process.env["CONFAB_BUILT_IN_PAGE"] === "1";
  if (!builtIn && !existsSync(DIST)) throw new Error("the page is not built: npm run build");
  return {
    ...OPEN,
    ...PUSH,
    // The page as it was built last; what `make test` checks is the one in the gateway's binary.
    ...(builtIn ? {} : { CONFAB_PAGE: DIST }),
  };
}
