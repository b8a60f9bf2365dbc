// What an invite leads to.
import { Refusal, type InvitePreview } from "confab-client";
import { client } from "../../app/client.ts";

/** Nothing where there is no such invite, or not any more; what cannot be asked now is no answer. */
export async function previewOf(code: string): Promise<InvitePreview | null> {
  try {
    return await client.call("invite_preview", 0, { code });
  } catch (error) {
    if (error instanceof Refusal && error.reason === "unknown_invite") return null;
    throw error;
  }
}
