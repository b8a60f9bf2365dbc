// What a change changed: each field that differs, as it was and as it is, in words.
import { PERMISSIONS, type AuditEntry, type ServerId } from "confab-client";
import { cssColour } from "../../kit/colour.ts";
import { list, say, t, tn, type Sentence } from "../../lang/index.ts";
import { span } from "../../lang/spans.ts";
import { GROUPS } from "../permissions/words.ts";
import { targetName, type Fields } from "./names.ts";
import { overrideChanges, readOverride, readOverrides } from "./overrides.ts";
import { fieldsOf } from "./sentences.ts";

export interface Difference {
  field: string;
  before: string;
  after: string;
}

/** Those of which a reader makes something; others are told by the sentence. */
const FIELDS: Readonly<Record<string, Sentence>> = {
  name: "Name",
  topic: "Topic",
  description: "Description",
  icon: "Picture",
  discoverable: "Anyone can find and join it",
  slow_mode: "Slow mode",
  colour: "Colour",
  hoist: "Shown on its own in the member list",
  mentionable: "Anyone can mention it",
  self_assignable: "Members can give it to themselves",
  category: "Heading",
  permissions: "Permissions",
  enabled: "On",
  words: "Words",
  limit: "How many are allowed",
  seconds: "Within",
  lock_seconds: "Locked for",
  timeout_seconds: "Timed out for",
  exempt_roles: "Exempt roles",
  exempt_channels: "Exempt channels",
  nickname: "Nickname",
  max_uses: "How many can use it",
  expires_in: "Valid for",
  deleted_hours: "Hours of messages deleted",
};

const LENGTHS: ReadonlySet<string> = new Set(["slow_mode", "seconds", "lock_seconds", "timeout_seconds", "expires_in"]);
/** What only lists that something is made of, or stands in the sentence. */
const CHANGES: ReadonlySet<string> = new Set(["server_update", "channel_update", "role_update", "rule_update", "nickname_update"]);

export function differencesOf(entry: AuditEntry, server: ServerId): Difference[] {
  const [before, after] = [fieldsOf(entry.before), fieldsOf(entry.after)];
  if (entry.action === "override_set" || entry.action === "override_clear") {
    const one = (fields: Fields) => readOverrides([readOverride(fields)]);
    return overrideChanges(one(before), one(after)).map((change) => told(change, say(change.permission.title)));
  }
  if (!CHANGES.has(entry.action)) return [];
  const overrides = overrideChanges(readOverrides(before["overrides"]), readOverrides(after["overrides"]));
  return [
    ...fieldDifferences(before, after),
    ...overrides.map((change) => told(change, `${targetName(server, change)}: ${say(change.permission.title)}`)),
  ];
}

const told = ({ before, after }: { before: Sentence; after: Sentence }, field: string): Difference => ({ field, before: say(before), after: say(after) });

function fieldDifferences(before: Fields, after: Fields): Difference[] {
  const changed = Object.keys(FIELDS).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return changed.map((name) => ({ field: say(FIELDS[name] as Sentence), before: words(name, before, after), after: words(name, after, before) }));
}

/** Those that one set holds and the other does not, by their names. */
function permissionNames(held: unknown, other: unknown): string {
  const only = Number(held ?? 0) & ~Number(other ?? 0);
  const names = GROUPS.flatMap(({ permissions }) => permissions).filter(({ name }) => (only & PERMISSIONS[name]) !== 0);
  return names.length === 0 ? t("nothing") : list(names.map(({ title }) => say(title)));
}

function words(name: string, fields: Fields, others: Fields): string {
  const value = fields[name];
  if (name === "permissions") return permissionNames(value, others[name]);
  const more = Number(fields[`${name}_more`] ?? 0);
  if (value === null || value === undefined || value === "") return t("nothing");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (name === "colour") return cssColour(Number(value));
  if (typeof value === "number") return LENGTHS.has(name) ? span(value) : String(value);
  if (name === "words" && Array.isArray(value)) return value.length === 0 ? t("nothing") : `${value.join(", ")}${more > 0 ? ", …" : ""}`;
  if (Array.isArray(value)) return tn("{count} entries", value.length + more);
  return String(value);
}
