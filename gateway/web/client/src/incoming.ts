// Events in the order in which they came: applied together, and told once what they are about is known.

import type { AnyId, ServerFrame } from "./codec.js";
import { type Clock } from "./clock.js";
import { type Fetches } from "./fetches.js";
import { type Told } from "./options.js";
import { apply } from "./state/apply/index.js";
import { serverOf, type State } from "./state/state.js";

export interface IncomingOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  clock: Clock;
  schedule: ((flush: () => void) => void) | undefined;
  fetches: Fetches;
  /** An event became part of the state. */
  applied(told: Told["event"]): void;
  tell(told: Told["event"]): void;
  /** Something is missing before an event. */
  hole(): void;
}

export class Incoming {
  private queue: (ServerFrame & { kind: "event" })[] = [];
  private readonly held: Told["event"][] = [];
  private scheduled = false;

  constructor(private readonly options: IncomingOptions) {}

  /** Takes an event, to be applied at once or with those that come before the next picture. */
  take(frame: ServerFrame & { kind: "event" }): void {
    const { schedule } = this.options;
    this.queue.push(frame);
    if (schedule === undefined) return this.flush();
    if (this.scheduled) return;
    this.scheduled = true;
    schedule(() => this.flush());
  }

  /** Applies what came, all of it in one change of the state. */
  flush(): void {
    this.scheduled = false;
    const frames = this.queue;
    if (frames.length === 0) return;
    this.queue = [];
    const { clock, fetches, mutate } = this.options;
    const now = clock.now();
    const applied: Told["event"][] = [];
    let hole = false;
    mutate((state) => {
      for (const { topic, seq, event } of frames) {
        const place = { topic: topic as AnyId, seq, now };
        const outcome = apply(state, place.topic, seq, event, now);
        hole ||= outcome === "hole";
        if (outcome !== "applied" || event === undefined) continue;
        fetches.note(event, place);
        applied.push({ event, topic, seq });
      }
    });
    for (const told of applied) {
      this.options.applied(told);
      this.held.push(told);
      this.release();
    }
    if (hole) this.options.hole();
  }

  /** What another account was not told yet is told to nobody. */
  forget(): void {
    this.held.length = 0;
  }

  /** Tells of events in their order, each once what is to be known of its server was fetched; or of all there are. */
  release(all = false): void {
    const waits = ({ topic }: Told["event"]) => serverOf(this.options.state, topic as AnyId)?.loaded === false;
    while (this.held[0] !== undefined && (all || !waits(this.held[0]))) {
      const told = this.held.shift();
      if (told !== undefined) this.options.tell(told);
    }
  }
}
