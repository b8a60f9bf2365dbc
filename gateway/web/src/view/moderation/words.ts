// What the enums of moderation are called.
import type { ReportCategory, Resolution, RuleAction, RuleKind } from "confab-client";
import type { Sentence } from "../../lang/index.ts";

export const CATEGORIES: Record<ReportCategory, Sentence> = {
  spam: "Advertises or spams",
  abuse: "Harasses, hates or threatens",
  explicit: "Shows something not everyone wants to see",
  privacy: "Shares something private, or impersonates someone",
  illegal: "Is illegal",
  rule: "Found by a rule of the server",
  other: "Something else",
};

/** Those that people choose from, in this order. */
export const CHOSEN: readonly ReportCategory[] = ["spam", "abuse", "explicit", "privacy", "illegal", "other"];

export const RESOLUTIONS: Record<Resolution, Sentence> = {
  dismissed: "Dismissed: nothing was wrong",
  acted: "Something was done about it",
};

export const KINDS: Record<RuleKind, { name: Sentence; hint: Sentence }> = {
  words: { name: "Words", hint: "Looks for whole words; * stands for any letters." },
  links: { name: "Links", hint: "Looks for links to sites other than those you list." },
  mentions: { name: "Mentions", hint: "Looks for messages that mention many." },
  repeats: { name: "Repeats", hint: "Looks for the same text again and again." },
  raid: { name: "Raid", hint: "Nobody can join for a while after many did at once." },
};

export const ACTIONS: Record<RuleAction, Sentence> = {
  block: "Refuse the message",
  report: "Report the message",
  timeout: "Refuse the message and time its author out",
};
