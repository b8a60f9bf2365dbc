// What a language brings.
import type { Forms } from "./plurals.ts";

/** Its sentences, by the English ones. */
export interface Dictionary {
  readonly messages: Readonly<Record<string, string>>;
  readonly plurals: Readonly<Record<string, Forms>>;
}
