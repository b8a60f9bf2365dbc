// What entries of the audit log call channels and roles: as they are called now, or else as they were called then.
import type { ChannelId, RoleId, ServerId, UserId } from "confab-client";
import { state } from "../../app/client.ts";
import { t } from "../../lang/index.ts";
import { shownName } from "../people/names.ts";
import { isEveryone } from "../roles/names.ts";

export type Fields = Readonly<Record<string, unknown>>;

export const text = (value: unknown) => (typeof value === "string" ? value : "");

/** A channel as it stands in a sentence: "#general", "the category Work". */
export function channelName(id: unknown, before: Fields = {}, after: Fields = {}): string {
  const now = state.channels[Number(id) as ChannelId];
  const name = now?.name ?? (text(after["name"]) || text(before["name"]));
  const kind = now?.kind ?? (text(after["kind"]) || text(before["kind"]));
  if (kind === "separator") return t("a line between channels");
  if (name === "") return t("a channel");
  return kind === "category" ? t("the category {name}", { name }) : `#${name}`;
}

export function roleName(server: ServerId, id: unknown, then: string): string {
  const role = Number(id) as RoleId;
  if (isEveryone(server, role)) return "@everyone";
  return state.servers[server]?.roles[role]?.name ?? (then || t("a deleted role"));
}

/** Whom an override is for. */
export function targetName(server: ServerId, { kind, target }: { kind: string; target: number }): string {
  return kind === "member" ? shownName(target as UserId, server) : roleName(server, target, "");
}
