import { CLOSE_CODES } from "../codec.js";

/** The first pause; it doubles with each attempt. */
const FIRST = 50;
/** A cluster that comes back is found within seconds by who waits for it. */
const LONGEST = 3_000;
const LONGEST_UNSEEN = 30_000;
/** A gateway that is full is left alone for this long, and by chance up to as long again: all who were refused do not come together. */
const WHEN_FULL = 5_000;

/** How long to wait before attempt number `attempt`, from 0. Half of it is random, so that clients do not come together. */
export function pause(attempt: number, random: () => number, longest = LONGEST): number {
  const full = Math.min(FIRST * 2 ** attempt, longest);
  return full / 2 + (random() * full) / 2;
}

/** How long to wait before connecting again, after a connection that ended with `code`. */
export function pauseAfter(code: number, attempt: number, random: () => number, seen: boolean): number {
  const wait = pause(attempt, random, seen ? LONGEST : LONGEST_UNSEEN);
  return code === CLOSE_CODES.Full ? WHEN_FULL * (1 + random()) + wait : wait;
}

const FAULTS: readonly number[] = [
  CLOSE_CODES.ProtocolError,
  CLOSE_CODES.Unsupported,
  CLOSE_CODES.InvalidPayload,
  CLOSE_CODES.TooLarge,
];

/** Whether to connect again after this close code. Those that are not in the list come from proxies and crashes. */
export function reconnects(code: number): boolean {
  return !FAULTS.includes(code) && !(code >= 4_500 && code < 5_000);
}
