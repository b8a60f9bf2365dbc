// The first message of a channel since a moment: messages have dense places in it, and rise with time, so that it is found by halves.
import type { Message } from "confab-client";
import { timeOfId } from "../../lang/dates.ts";

/**
 * The first message that was sent at `moment` or later; nothing where there is none. `last` is the last place of the
 * channel, and `next` reads the first message behind a place: as often as `last` has binary digits, at most.
 */
export async function firstSince(
  moment: number,
  last: number,
  next: (place: number) => Promise<Message | undefined>,
): Promise<Message | undefined> {
  // What stands up to `low` is earlier, and `found` is the first behind `high`.
  let [low, high] = [0, last];
  let found: Message | undefined;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await next(middle);
    if (message !== undefined && timeOfId(message.message_id) < moment) low = message.seq;
    else [high, found] = [middle, message ?? found];
  }
  return found;
}
