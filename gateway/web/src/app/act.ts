// What somebody does, and what is told when it is refused.
import { Refusal } from "confab-client";
import { secondsUntil, toast } from "../kit/toast.tsx";
import { refusalText } from "../lang/refusals.ts";

/** What went wrong as a sentence; with `seconds` it counts down. */
export function sentenceOf(error: unknown, seconds?: number): string {
  if (!(error instanceof Refusal)) return refusalText("internal");
  const left = seconds ?? Math.ceil((error.retryAfter ?? 0) / 1000);
  return refusalText(error.reason, error.detail, left);
}

/** Waits for something that was asked for, and tells when it was refused. Whether it was done. */
export async function act(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    tellRefusal(error);
    return false;
  }
}

/** Shows a refusal, with the time until the same may be asked for again. */
export function tellRefusal(error: unknown, action?: { label: string; run: () => void }): void {
  const wait = error instanceof Refusal ? error.retryAfter : null;
  const until = wait === null ? undefined : Date.now() + wait;
  toast({ text: (seconds) => sentenceOf(error, until === undefined ? 0 : seconds), until, action });
}

export { secondsUntil };
