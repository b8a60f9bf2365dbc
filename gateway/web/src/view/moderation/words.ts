// What the enums of moderation are called.
import type { ReportCategory, Resolution, RuleAction, RuleKind } from "confab-client";
import type { Message } from "../../lang/index.ts";

export const CATEGORIES: Record<ReportCategory, Message> = {
  spam: "Advertises, or says the same again and again",
  abuse: "Harasses, hates or threatens",
  explicit: "Shows what not everybody wants to see",
  privacy: "Tells what is private, or pretends to be somebody else",
  illegal: "Is against the law",
  rule: "A rule of the server found it",
  other: "Something else",
};

/** Those that people choose from, in this order. */
export const CHOSEN: readonly ReportCategory[] = ["spam", "abuse", "explicit", "privacy", "illegal", "other"];

export const RESOLUTIONS: Record<Resolution, Message> = {
  dismissed: "Dismissed: nothing was wrong",
  acted: "Something was done about it",
};

export const KINDS: Record<RuleKind, { name: Message; hint: Message }> = {
  words: { name: "Words", hint: "Looks for words, as whole ones; * stands for any letters." },
  links: { name: "Links", hint: "Looks for links to other places than those you name." },
  mentions: { name: "Mentions", hint: "Looks for messages that mention many." },
  repeats: { name: "Repeats", hint: "Looks for the same text again and again." },
  raid: { name: "Raid", hint: "Nobody may join for a while when many do at once." },
};

export const ACTIONS: Record<RuleAction, Message> = {
  block: "Refuse the message",
  report: "Report the message",
  timeout: "Refuse the message and time its author out",
};
