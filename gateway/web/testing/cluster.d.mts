// What `cluster.mjs` is to those who check types.

export interface RunningCluster {
  /** The addresses of the gateways, as people open them. */
  readonly urls: readonly string[];
  /** Runs statements in its database, for what would take a client hours. */
  sql(statements: string): Promise<void>;
  /** Ends a process as a crash does: `gateway-1`, `worker-2`. */
  kill(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** Whether the programs are built. */
export const canStart: boolean;

/** What has a cluster take all that a test can ask. */
export const OPEN: Readonly<Record<string, string>>;

/** Starts a cluster with these variables, and waits until it serves. */
export function startCluster(environment?: Record<string, string>): Promise<RunningCluster>;
