/** Time, as the client sees it: injected, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Does something once, later. Returns what calls it off. */
  after(ms: number, act: () => void): () => void;
}

/** The time of the platform. */
export const CLOCK: Clock = {
  now: () => Date.now(),
  after(ms, act) {
    // Longer waits overflow, and would end at once.
    const timer = setTimeout(act, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

/** The time of the cluster, told by a device whose own clock may be wrong. */
export class ClusterClock implements Clock {
  /** By so much the device is behind the cluster. */
  private behind = 0;

  constructor(private readonly device: Clock) {}

  now(): number {
    return this.device.now() + this.behind;
  }

  after(ms: number, act: () => void): () => void {
    return this.device.after(ms, act);
  }

  /**
   * The cluster said what time it is, and was asked at `askedAt` by this clock. Where that may be right already it stays:
   * what an answer takes on its way moves nothing.
   */
  learn(said: number, askedAt: number): void {
    const [least, most] = [said - this.now(), said - askedAt];
    if (least > 0) this.behind += least;
    else if (most < 0) this.behind += most;
  }
}
