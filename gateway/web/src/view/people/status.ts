// The own status as it is now: one that is over is none, as the server sees it, too.
import type { PresenceState, Status } from "confab-client";
import { state } from "../../app/client.ts";
import { second } from "../../app/clock.ts";

const NONE = { status: "online", text: "", until: null } as const;

export function ownStatus(): Pick<Status, "status" | "text" | "until"> {
  const { status } = state;
  if (status === null) return NONE;
  return status.until !== null && status.until <= second() ? NONE : status;
}

/** How that looks to others. */
export function ownLook(): PresenceState {
  const { status } = ownStatus();
  return status === "invisible" ? "offline" : status;
}
