// What levels are called.
import type { NotificationLevel } from "confab-client";
import type { Sentence } from "../../lang/index.ts";

export const LEVELS: Record<NotificationLevel, Sentence> = {
  all: "All messages",
  mentions: "What calls upon me",
  nothing: "Nothing",
};

export const SWITCHED_OFF = "Notifications are switched off in this deployment: whoever runs it can switch them on." satisfies Sentence;

/** From the loudest. */
export const IN_ORDER = ["all", "mentions", "nothing"] as const satisfies readonly NotificationLevel[];
