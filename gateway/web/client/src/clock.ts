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

/** Resolves later. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
