// What a step of a decision is, in words, and where what it says is changed.
import type { Cause, Step, UserId } from "confab-client";
import { state } from "../../app/client.ts";
import { t } from "../../lang/index.ts";
import { spokenName } from "../channels/called.ts";
import { openOverrides } from "../channels/configure.ts";
import { shownName } from "../people/names.ts";
import { permissions, serverPermissions } from "../rights.ts";
import { openRole } from "../roles/choose.ts";
import { nameOfRole } from "../roles/names.ts";
import type { Asked } from "./asked.ts";

export function tellStep({ cause, role_id, user_id }: Step, { server, channel, user }: Asked): string {
  const role = role_id === null ? "" : nameOfRole(server, role_id);
  const known = channel === undefined ? undefined : state.channels[channel];
  const place = known === undefined ? "" : spokenName(known);
  const name = nameOf(user_id ?? user ?? state.me?.user_id, server);
  const told: Record<Cause, () => string> = {
    owner: () => t("{name} owns the server", { name }),
    role: () => t("The role {role}", { role }),
    administrator: () => t("Administrators can do everything"),
    announcement: () => t("Announcements are for those who can delete messages"),
    role_override: () => t("{role} in {channel}", { role, channel: place }),
    member_override: () => t("{name} in {channel}", { name, channel: place }),
    hidden: () => t("Nothing can be done in a channel that one cannot see"),
    timeout: () => t("A timeout in the whole server"),
    mute: () => t("A mute in this channel"),
  };
  return told[cause]();
}

const nameOf = (user: UserId | undefined, server: Asked["server"]) => (user === undefined ? "" : shownName(user, server));

/** Opens where it is changed; nothing where the reader may not. */
export function leadTo({ cause, role_id, user_id }: Step, { server, channel }: Asked): (() => void) | undefined {
  if (cause === "role" && role_id !== null) {
    return serverPermissions(server).has("MANAGE_ROLES") ? () => openRole(server, role_id) : undefined;
  }
  const target = role_id ?? user_id;
  if ((cause !== "role_override" && cause !== "member_override") || target === null || channel === undefined) return undefined;
  if (!permissions(channel).has("MANAGE_ROLES")) return undefined;
  return () => openOverrides(server, channel, { kind: cause === "role_override" ? "role" : "member", target });
}
