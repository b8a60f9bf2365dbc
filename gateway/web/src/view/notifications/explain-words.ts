// Why somebody is told of a message or not, in words. The types ask for each: one that the protocol gains does not compile here.
import type { LevelScope, NotificationExplained, NotificationReason, NotificationRule, NotificationState } from "confab-client";
import type { Sentence } from "../../lang/index.ts";

export const REASONS: Record<NotificationReason, Sentence> = {
  mention: "You are told: it mentions you.",
  reply: "You are told: it replies to you.",
  role: "You are told: it mentions a role of yours.",
  keyword: "You are told: it says one of your keywords.",
  everyone: "You are told: it calls everyone.",
  all: "You are told: you want to be told of all messages here.",
};

/** What each rule asks, as it stands in the list; and what it means that it does not hold. */
export const RULES: Record<NotificationRule, { asks: Sentence; fails: Sentence }> = {
  not_own: { asks: "Somebody else wrote it", fails: "You are not told: you wrote it yourself." },
  readable: { asks: "You may read it", fails: "You are not told: you may not read it." },
  not_muted: { asks: "It is muted nowhere", fails: "You are not told: it is muted." },
  level: { asks: "You want to be told of anything", fails: "You are not told: you want to be told of nothing here." },
  everyone_counts: { asks: "Calls of everyone count, or something else calls upon you", fails: "You are not told: calls of everyone do not count for you here." },
  called: { asks: "It calls upon you, or you want all messages", fails: "You are not told: nothing in it calls upon you." },
  not_quiet: { asks: "These are none of your quiet hours", fails: "You are not told: these are your quiet hours." },
  may_be_disturbed: { asks: "You may be disturbed", fails: "You are not told: your status is “Do not disturb”." },
  has_device: { asks: "You have a device that is told", fails: "You are not told: no device of yours is." },
};

export const SCOPES: Record<LevelScope, Sentence> = {
  deployment: "for all servers",
  server: "for the server",
  category: "for the category",
  channel: "for the channel",
};

export const STATES: Record<NotificationState, Sentence> = {
  waiting: "When it came: it waits a moment, in case you read it.",
  told: "When it came: your devices were told.",
  read: "When it came: you read it before your devices were told.",
  withdrawn: "When it came: something changed before your devices were told.",
  no_device: "When it came: no device of yours could be told.",
  failed: "When it came: telling your devices failed too often.",
};

/** What it comes to: the reason, or what the last rule that was asked says. */
export function verdictOf({ reason, steps }: Pick<NotificationExplained, "reason" | "steps">): Sentence {
  const last = steps.at(-1);
  if (reason !== null) return REASONS[reason];
  return last === undefined ? RULES.readable.fails : RULES[last.rule].fails;
}
