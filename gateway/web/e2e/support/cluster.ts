// A cluster that our own programs start, with Postgres and Redis of its own, behind one address.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { canStart, startCluster, type RunningCluster } from "../../testing/cluster.mjs";
import { Balancer } from "./balancer.ts";

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

  /** The gateways themselves. */
  get gateways(): readonly string[] {
    return this.programs.urls;
  }

  /** Ends a gateway as a crash does: the first, or that with this number from 1. */
  async killGateway(number = 1): Promise<void> {
    await this.kill(`gateway-${number}`);
  }

  async killWorker(number = 1): Promise<void> {
    await this.kill(`worker-${number}`);
  }

  async stop(): Promise<void> {
    await this.balancer.stop();
    await this.programs.stop();
  }

  private async kill(name: string): Promise<void> {
    this.harmed = true;
    await this.programs.kill(name);
  }
}

/** Anybody may sign up, and nobody is told to slow down: a test does in seconds what people do in hours. */
function environment(): Record<string, string> {
  const limits = ["SEND", "WRITE", "SIGNAL", "REGISTER", "READ", "SEARCH", "SIGN_IN"];
  const rates = ["ACCOUNT", "OPENING", "ADDRESS", "STRANGER"];
  const builtIn = process.env["CONFAB_BUILT_IN_PAGE"] === "1";
  if (!builtIn && !existsSync(DIST)) throw new Error("the page is not built: npm run build");
  return {
    CONFAB_SIGNUP: "open",
    CONFAB_GUESTS: "true",
    ...Object.fromEntries(limits.map((name) => [`CONFAB_LIMIT_${name}`, "off"])),
    ...Object.fromEntries(rates.map((name) => [`CONFAB_${name}_RATE`, "1000000"])),
    // The page as it was built last; what `make test` checks is the one in the gateway's binary.
    ...(builtIn ? {} : { CONFAB_PAGE: DIST }),
  };
}
