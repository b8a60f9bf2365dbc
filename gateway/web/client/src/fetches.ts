// Fetching while events go on. A reply holds what was at some moment since it was asked for: what happened since the
// asking is applied again behind it. Each event says what is, so that the outcome is right whatever the reply held.

import type { Events, Named } from "./codec.js";
import { applyAgain } from "./state/apply/index.js";
import { type Place } from "./state/apply/table.js";
import { type State } from "./state/state.js";

interface Seen {
  event: Named<Events>;
  place: Place;
}

/** So many events are kept for fetches under way. One that takes longer than that asks again. */
const KEPT = 5_000;

export class Fetches {
  /** What happened since the oldest fetch under way began, and how much did before. */
  private log: Seen[] = [];
  private dropped = 0;
  /** Where in all that happened each fetch under way began. */
  private readonly begun = new Set<{ at: number }>();
  /** Rises when the stream begins anew: a reply from before means nothing then. */
  private age = 0;

  constructor(private readonly mutate: (change: (state: State) => void) => void) {}

  /** An event was applied. */
  note(event: Named<Events>, place: Place): void {
    if (this.begun.size === 0) return;
    if (this.log.length >= KEPT) this.startAnew();
    this.log.push({ event, place });
  }

  /** What is under way is to be fetched again. */
  startAnew(): void {
    this.age += 1;
    this.drop(this.log.length);
  }

  /** Asks, and makes the reply part of the state. */
  async run<Reply>(ask: () => Promise<Reply>, merge: (state: State, reply: Reply) => void): Promise<Reply> {
    const mine = { at: 0 };
    this.begun.add(mine);
    try {
      for (;;) {
        const { age } = this;
        mine.at = this.dropped + this.log.length;
        const reply = await ask();
        if (age !== this.age) continue;
        this.mutate((state) => {
          merge(state, reply);
          for (const { event, place } of this.log.slice(mine.at - this.dropped)) applyAgain(state, event, place);
        });
        return reply;
      }
    } finally {
      this.begun.delete(mine);
      const oldest = Math.min(...[...this.begun].map(({ at }) => at), this.dropped + this.log.length);
      this.drop(oldest - this.dropped);
    }
  }

  private drop(count: number): void {
    if (count <= 0) return;
    this.log.splice(0, count);
    this.dropped += count;
  }
}
