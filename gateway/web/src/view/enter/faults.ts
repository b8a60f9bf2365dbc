// What is wrong with a name and a password, as far as it is known before they are sent: all of it at once.
import { LIMITS } from "confab-client";
import { t } from "../../lang/index.ts";
import { LETTERS } from "../../text/letters.ts";

/** As the server has it; names from before the rule still sign in. */
const NAME = new RegExp(`^[${LETTERS}.-]{2,${LIMITS.MAX_NAME_CHARS}}$`, "u");
const SHORTEST = 8;

/** By field, in words. */
export interface Faults {
  name?: string;
  password?: string;
  code?: string;
}

export function faultsOf(way: "in" | "up", name: string, password: string): Faults {
  const faults: Faults = {};
  if (name === "") faults.name = t("Enter a name.");
  else if (way === "up" && !NAME.test(name)) faults.name = t("2 to 32 letters, digits, _ - or .");
  if (way === "up" && [...password].length < SHORTEST) faults.password = t("At least 8 characters.");
  return faults;
}
