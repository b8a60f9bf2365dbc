// What somebody did, as a sentence. What an entry holds depends on its action, and comes as JSON: ids are texts there.
import type { AuditEntry, ServerId, UserId } from "confab-client";
import { moment } from "../../lang/dates.ts";
import { list, t, tn } from "../../lang/index.ts";
import { shownName } from "../people/names.ts";
import { channelName, roleName, targetName, text, type Fields } from "./names.ts";
import { readOverride } from "./overrides.ts";

/** The text of an entry as an object; nothing where there is none. */
export function fieldsOf(text: string | null): Fields {
  const value: unknown = text === null ? null : JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

const ids = (value: unknown) => (Array.isArray(value) ? value.map(Number) : []);

/** Whom an entry is about, besides who did it: those to look up. */
export function peopleIn(entry: AuditEntry): UserId[] {
  const { actor_id, target_id, action } = entry;
  const override = overrideOf(entry);
  const target = ABOUT_PEOPLE.has(action) ? target_id : override?.kind === "member" ? override.target : null;
  return [actor_id, target].flatMap((id) => (id === null ? [] : [id as number as UserId]));
}

/** The override that an entry is about; of one that is gone, as it was. */
function overrideOf({ action, before, after }: AuditEntry) {
  if (action !== "override_set" && action !== "override_clear") return undefined;
  return readOverride(fieldsOf(after)) ?? readOverride(fieldsOf(before));
}

const ABOUT_PEOPLE: ReadonlySet<string> = new Set([
  "server_transfer", "invite_create", "invite_revoke", "member_kick", "member_ban", "member_unban", "member_timeout", "channel_mute",
  "channel_unmute", "nickname_update", "member_roles", "rule_apply",
]);

export function sentenceOf(entry: AuditEntry, server: ServerId): string {
  const actor = entry.actor_id === null ? t("A rule") : shownName(entry.actor_id, server);
  const [before, after] = [fieldsOf(entry.before), fieldsOf(entry.after)];
  const target = () => shownName((entry.target_id ?? 0) as UserId, server);
  const channel = (id: unknown = entry.target_id) => channelName(id, before, after);
  const role = () => roleName(server, entry.target_id, text(after["name"]) || text(before["name"]));
  const rule = () => text(after["name"]) || text(before["name"]) || t("of moderation");
  switch (entry.action) {
    case "server_update":
      return t("{actor} changed the server", { actor });
    case "server_transfer":
      return t("{actor} handed the server over to {target}", { actor, target: target() });
    case "invite_create":
      return t("{actor} created the invite {code}…", { actor, code: text(after["code"]) });
    case "invite_revoke":
      return t("{actor} revoked the invite {code}… of {target}", { actor, code: text(before["code"]), target: target() });
    case "channel_create":
      return t("{actor} created {channel}", { actor, channel: channel() });
    case "channel_update":
      return t("{actor} changed {channel}", { actor, channel: channel() });
    case "channel_delete":
      return t("{actor} deleted {channel}", { actor, channel: channel() });
    case "channel_move":
      return t("{actor} moved {channel}", { actor, channel: channel() });
    case "override_set":
    case "override_clear":
      return overridden(actor, channel(), overrideOf(entry), server);
    case "role_create":
      return t("{actor} created the role {role}", { actor, role: role() });
    case "role_update":
      return t("{actor} changed the role {role}", { actor, role: role() });
    case "role_delete":
      return t("{actor} deleted the role {role}", { actor, role: role() });
    case "role_reorder":
      return t("{actor} reordered the roles", { actor });
    case "member_kick":
      return t("{actor} removed {target}", { actor, target: target() });
    case "member_ban":
      return banned(actor, target(), after);
    case "member_unban":
      return t("{actor} lifted the ban on {target}", { actor, target: target() });
    case "member_timeout":
      return timedOut(actor, target(), after["until"]);
    case "channel_mute":
      return muted(actor, target(), after["mute"]);
    case "channel_unmute":
      return t("{actor} let {target} speak again in {channel}", { actor, target: target(), channel: channel(fieldOf(before["mute"], "channel_id") ?? before["channel_id"]) });
    case "nickname_update":
      return renamed(actor, target(), text(after["nickname"]));
    case "member_roles":
      return rolesChanged(actor, target(), server, ids(before["roles"]), ids(after["roles"]));
    case "message_delete":
      return t("{actor} deleted someone else's message", { actor });
    case "messages_delete":
      return t("{actor} deleted {count} in {channel}", { actor, count: tn("{count} messages", ids(before["message_ids"]).length), channel: channel() });
    case "message_pin":
      return t("{actor} pinned a message", { actor });
    case "message_unpin":
      return t("{actor} unpinned a message", { actor });
    case "reaction_remove":
      return t("{actor} removed a reaction", { actor });
    case "report_resolve":
      return entry.after === '"dismissed"' ? t("{actor} dismissed a report", { actor }) : t("{actor} resolved a report", { actor });
    case "rule_create":
      return t("{actor} created the rule {rule}", { actor, rule: rule() });
    case "rule_update":
      return t("{actor} changed the rule {rule}", { actor, rule: rule() });
    case "rule_delete":
      return t("{actor} deleted the rule {rule}", { actor, rule: rule() });
    case "rule_apply":
      return t("The rule {rule} stopped {target}", { rule: entry.reason, target: target() });
    case "lockdown_set":
      return locked(entry.actor_id === null ? t("The rule {rule}", { rule: entry.reason }) : actor, entry.after);
  }
}

function banned(actor: string, target: string, { until }: Fields): string {
  if (typeof until !== "number") return t("{actor} banned {target}", { actor, target });
  return t("{actor} banned {target} until {time}", { actor, target, time: moment(until) });
}

function timedOut(actor: string, target: string, until: unknown): string {
  if (typeof until !== "number") return t("{actor} let {target} speak again", { actor, target });
  return t("{actor} timed {target} out until {time}", { actor, target, time: moment(until) });
}

function overridden(actor: string, channel: string, override: ReturnType<typeof overrideOf>, server: ServerId): string {
  if (override === undefined) return t("{actor} changed the permissions in {channel}", { actor, channel });
  return t("{actor} changed the permissions of {target} in {channel}", { actor, channel, target: targetName(server, override) });
}

function muted(actor: string, target: string, mute: unknown): string {
  const channel = channelName(fieldOf(mute, "channel_id"));
  return t("{actor} muted {target} in {channel} until {time}", { actor, target, channel, time: moment(Number(fieldOf(mute, "until"))) });
}

function renamed(actor: string, target: string, nickname: string): string {
  return nickname === "" ? t("{actor} removed the nickname of {target}", { actor, target }) : t("{actor} calls {target} {nickname}", { actor, target, nickname });
}

function rolesChanged(actor: string, target: string, server: ServerId, before: number[], after: number[]): string {
  const names = (roles: number[]) => list(roles.map((role) => roleName(server, role, "")));
  const roles = (some: number[]) => tn("the roles {roles}", some.length, { roles: names(some) });
  const given = after.filter((role) => !before.includes(role));
  const taken = before.filter((role) => !after.includes(role));
  if (taken.length === 0) return t("{actor} gave {target} {roles}", { actor, target, roles: roles(given) });
  if (given.length === 0) return t("{actor} took {roles} from {target}", { actor, target, roles: roles(taken) });
  return t("{actor} gave {target} {roles}, and took {taken} away", { actor, target, roles: roles(given), taken: names(taken) });
}

function locked(actor: string, after: string | null): string {
  if (after === null || after === "null") return t("{actor} ended the lock-down", { actor });
  const { until } = fieldsOf(after);
  if (typeof until !== "number") return t("{actor} locked the server down", { actor });
  return t("{actor} locked the server down until {time}", { actor, time: moment(until) });
}

const fieldOf = (value: unknown, name: string): unknown => (typeof value === "object" && value !== null ? (value as Fields)[name] : undefined);
