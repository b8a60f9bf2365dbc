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

export class Fetches {
  /** What happened since the oldest fetch under way began. */
  private log: Seen[] = [];
  private underWay = 0;
  /** Rises when the stream begins anew: a reply from before means nothing then. */
  private age = 0;

  constructor(private readonly mutate: (change: (state: State) => void) => void) {}

  /** An event was applied. */
  note(event: Named<Events>, place: Place): void {
    if (this.underWay > 0) this.log.push({ event, place });
  }

  /** What is under way is to be fetched again. */
  startAnew(): void {
    this.age += 1;
  }

  /** Asks, and makes the reply part of the state. */
  async run<Reply>(ask: () => Promise<Reply>, merge: (state: State, reply: Reply) => void): Promise<Reply> {
    this.underWay += 1;
    try {
      for (;;) {
        const { age } = this;
        const begun = this.log.length;
        const reply = await ask();
        if (age !== this.age) continue;
        this.mutate((state) => {
          merge(state, reply);
          for (const { event, place } of this.log.slice(begun)) applyAgain(state, event, place);
        });
        return reply;
      }
    } finally {
      this.underWay -= 1;
      if (this.underWay === 0) this.log = [];
    }
  }
}
