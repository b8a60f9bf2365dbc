import type { Message } from "confab-client";
import { describe, expect, it } from "vitest";
import { firstSince } from "./by-date.ts";

const EPOCH = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

/** A channel in which something is written each minute, but for what was deleted. */
function channelOf(count: number, deleted: (seq: number) => boolean = () => false) {
  const messages: Message[] = [];
  for (let seq = 1; seq <= count; seq += 1) {
    if (!deleted(seq)) messages.push({ seq, message_id: seq * MINUTE * 4096 } as unknown as Message);
  }
  let reads = 0;
  const next = async (place: number) => {
    reads += 1;
    return messages.find(({ seq }) => seq > place);
  };
  return { messages, next, reads: () => reads };
}

describe("the first message since a moment", () => {
  it("is found wherever it stands, also among deleted ones", async () => {
    const { messages, next } = channelOf(300, (seq) => seq % 7 === 0 || (seq > 100 && seq < 160));
    for (let minute = 0; minute <= 301; minute += 1) {
      const moment = EPOCH + minute * MINUTE - 1;
      const expected = messages.find(({ seq }) => EPOCH + seq * MINUTE >= moment);
      expect((await firstSince(moment, 300, next))?.seq, `minute ${minute}`).toBe(expected?.seq);
    }
  });

  it("is nothing where everything is older, or nothing was said", async () => {
    const { next } = channelOf(20);
    expect(await firstSince(EPOCH + 21 * MINUTE, 20, next)).toBeUndefined();
    expect(await firstSince(EPOCH, 0, next)).toBeUndefined();
    expect(await firstSince(EPOCH, 20, channelOf(20, () => true).next)).toBeUndefined();
  });

  it("takes as many reads as the number of messages has digits", async () => {
    const { next, reads } = channelOf(100_000);
    expect((await firstSince(EPOCH + 77_777 * MINUTE, 100_000, next))?.seq).toBe(77_777);
    expect(reads()).toBeLessThanOrEqual(17);
  });
});
