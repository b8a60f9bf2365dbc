import { REFUSALS } from "./codec.js";

export type Reason = keyof typeof REFUSALS;

/** A request was not served. Each reason is explained in docs/refusals.md. */
export class Refusal extends Error {
  constructor(
    /** A newer server may refuse for a reason that this client does not know: then `internal`. */
    readonly reason: Reason,
    /** The name of the field at fault, or what else helps to mend the request. */
    readonly detail: string | null = null,
    /** For so many milliseconds the same request will not succeed. */
    readonly retryAfter: number | null = null,
    readonly code: number = REFUSALS[reason],
  ) {
    super(detail === null ? reason : `${reason}: ${detail}`);
    this.name = "Refusal";
  }

  /** Whether the same request, with the same nonce, may succeed when it is repeated: nobody decided it. */
  get undecided(): boolean {
    return UNDECIDED.has(this.reason);
  }

  /** Whether it says nothing of the request but when it came. */
  get passing(): boolean {
    return this.undecided || this.reason === "rate_limited";
  }
}

const UNDECIDED: ReadonlySet<Reason> = new Set(["busy", "unknown", "unavailable", "expired"]);

/** What went wrong as a refusal: all that is thrown by calls is one. */
export function refusalOf(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal("internal", String(error));
}
