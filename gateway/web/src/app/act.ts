// What somebody does, and what is told when it is refused.
import { Refusal, type PERMISSIONS } from "confab-client";
import { toast } from "../kit/toast.tsx";
import { refusalText } from "../lang/refusals.ts";

type Permission = keyof typeof PERMISSIONS;

/** What went wrong as a sentence; with `seconds` it counts down. */
export function sentenceOf(error: unknown, seconds?: number): string {
  if (!(error instanceof Refusal)) return refusalText("internal");
  const left = seconds ?? Math.ceil((error.retryAfter ?? 0) / 1000);
  return refusalText(error.reason, error.detail, left);
}

interface Action {
  label: () => string;
  run: () => void;
}

let explain: (refusal: Refusal, needs: Permission | undefined) => Action | undefined = () => undefined;

/** Says what leads on from a refusal: a view knows it, and is told of the permission that was needed. */
export function explainRefusals(by: typeof explain): void {
  explain = by;
}

/** Waits for something that was asked for, and tells when it was refused. Whether it was done. */
export async function act(work: Promise<unknown>, needs?: Permission): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    tellRefusal(error, error instanceof Refusal ? explain(error, needs) : undefined);
    return false;
  }
}

/** Shows a refusal, with the time until the same may be asked for again. */
export function tellRefusal(error: unknown, action?: Action): void {
  const wait = error instanceof Refusal ? error.retryAfter : null;
  const until = wait === null ? undefined : Date.now() + wait;
  toast({ text: (seconds) => sentenceOf(error, until === undefined ? 0 : seconds), until, action });
}
