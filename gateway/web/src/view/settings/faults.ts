// At which field of a form about the account a refusal stands.
import type { Refusal } from "confab-client";

export type AccountField = "name" | "password" | "invite";

/** Undefined where the refusal's own detail says it, or nothing does. */
export function accountFault({ reason }: Refusal): AccountField | undefined {
  if (reason === "name_taken") return "name";
  if (reason === "wrong_credentials") return "password";
  if (reason === "invite_required" || reason === "unknown_invite") return "invite";
  return undefined;
}
