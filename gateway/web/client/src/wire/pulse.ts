import { type Clock } from "../clock.js";

/** Calls back now and again, until it is stopped. A browser slows the timers of a hidden page down, those of a worker not. */
export type Ticker = (every: number, tick: () => void) => () => void;

/** Ticks by the clock. */
export function clockTicker(clock: Clock): Ticker {
  return (every, tick) => {
    let stop = () => {};
    const next = () => {
      stop = clock.after(every, () => {
        next();
        tick();
      });
    };
    next();
    return () => stop();
  };
}

/** Of the interval that the gateway asks for: when the next heartbeat is due. One in each interval would do for the gateway. */
const BEAT = 0.5;
/** Of the interval: silence for this long after a heartbeat means that the gateway is gone. */
const ANSWER = 0.3;
/** So often within an interval it is looked at what is due. */
const LOOKS = 20;

/** Tells the gateway that the client is there, and notices when the gateway is not. */
export class Pulse {
  private readonly stopTicking: () => void;
  private sentAt: number;
  private waiting = false;

  constructor(
    private readonly every: number,
    private readonly clock: Clock,
    ticker: Ticker,
    private readonly on: { beat(): void; dead(): void },
  ) {
    this.sentAt = clock.now();
    this.stopTicking = ticker(every / LOOKS, () => this.tick());
  }

  /** Anything that arrives is a sign of life. */
  hear(): void {
    this.waiting = false;
  }

  /** Asks at once whether the gateway is still there: the device woke up, or came to another network. */
  probe(): void {
    if (!this.waiting) this.beat();
  }

  stop(): void {
    this.stopTicking();
  }

  private tick(): void {
    const silence = this.clock.now() - this.sentAt;
    // The clock was put back.
    if (silence < 0) this.sentAt = this.clock.now();
    if (this.waiting && silence >= this.every * ANSWER) this.on.dead();
    else if (silence >= this.every * BEAT) this.beat();
  }

  private beat(): void {
    this.sentAt = this.clock.now();
    this.waiting = true;
    this.on.beat();
  }
}
