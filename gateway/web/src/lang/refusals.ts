// A sentence for every code of docs/refusals.md. The type asks for each: one that the protocol gains does not compile here.
import type { REFUSALS } from "confab-client";
import { say, t, type Sentence } from "./index.ts";

export type Reason = keyof typeof REFUSALS;

export const SENTENCES: Record<Reason, Sentence> = {
  malformed: "This page and the server do not understand each other. Reload the page.",
  unknown_command: "The server does not know how to do this yet.",
  too_large: "This is too long.",
  invalid: "The server does not accept this.",
  unauthenticated: "You were signed out. Your drafts are kept.",
  wrong_credentials: "Name or password is wrong.",
  forbidden: "You may not do this here.",
  name_taken: "This name is already taken.",
  invite_required: "You need an invite to sign up here.",
  unknown_invite: "This invite is unknown, or no longer valid. Ask for a new one.",
  banned: "You are banned from this server.",
  blocked: "A rule of this server does not allow this text.",
  locked_down: "This server is locked down for now.",
  unknown_server: "This server is gone, or you are no longer in it.",
  unknown_channel: "This channel is gone, or you can no longer see it.",
  unknown_message: "This message was deleted.",
  unknown_session: "This device was signed out already.",
  unknown_target: "This person or role is not here.",
  unknown_user: "This person shares no server with you.",
  unknown_role: "This role was deleted.",
  unknown_item: "This is no longer there.",
  owner_cannot_leave: "Hand the server over or delete it before you leave.",
  already_member: "You are already in this server.",
  limit_reached: "The limit has been reached.",
  moved: "Someone changed this in the meantime. Check it and try again.",
  wrong_kind: "This kind of channel has no messages.",
  switched_off: "This is switched off here.",
  nonce_reused: "This was sent twice with different contents. Try again.",
  rate_limited: "You are too fast.",
  busy: "The server is busy.",
  unknown: "It is not known yet whether this was done.",
  unavailable: "A part of the server is out of reach. Nothing was changed.",
  expired: "The server was too slow, and nothing was changed.",
  internal: "Something broke on our side. Nothing was changed.",
};

/** Why somebody may not, where the server says it. */
const FORBIDDEN: Readonly<Record<string, Sentence>> = {
  rank: "You cannot change roles and members that rank as high as you, or higher.",
  permissions: "You cannot give or take what you do not have yourself.",
  roles: "This role denies you something: somebody else has to take it from you.",
};

/** What to tell of a refusal. A reason that this page is too old for is told as a fault of ours. */
export function refusalText(reason: Reason | undefined, detail?: string | null, seconds = 0): string {
  if (seconds > 0 && reason === "rate_limited") return t("You can do this again in {seconds} s.", { seconds });
  if (reason === "blocked" && detail) return t("The rule “{rule}” of this server does not allow this text.", { rule: detail });
  const because = reason === "forbidden" ? FORBIDDEN[detail ?? ""] : undefined;
  return say(because ?? SENTENCES[reason ?? "internal"]);
}
