// A rule as it is being written: every setting there is, of which its kind decides what counts.
import type { RoleId, ChannelId, RuleAction, RuleKind, RuleSettings } from "confab-client";
import { DAY_S, HOUR_S, MINUTE_S } from "../../lang/spans.ts";

export interface Draft {
  name: string;
  kind: RuleKind;
  action: RuleAction;
  enabled: boolean;
  /** A word, or a host, in each line. */
  lines: string;
  limit: number;
  seconds: number;
  lock_seconds: number;
  timeout_seconds: number;
  exempt_roles: RoleId[];
  exempt_channels: ChannelId[];
}

export const SECONDS = [10, 30, MINUTE_S, 5 * MINUTE_S, 10 * MINUTE_S, HOUR_S, DAY_S];
export const LOCKS = [10 * MINUTE_S, HOUR_S, 6 * HOUR_S, DAY_S];

export const EMPTY: Draft = {
  name: "",
  kind: "words",
  action: "block",
  enabled: true,
  lines: "",
  limit: 5,
  seconds: MINUTE_S,
  lock_seconds: HOUR_S,
  timeout_seconds: 10 * MINUTE_S,
  exempt_roles: [],
  exempt_channels: [],
};

export function draftOf(settings: RuleSettings): Draft {
  return {
    name: settings.name,
    kind: settings.kind,
    action: settings.action,
    enabled: settings.enabled,
    lines: (settings.words ?? []).join("\n"),
    limit: settings.limit || EMPTY.limit,
    seconds: settings.seconds || EMPTY.seconds,
    lock_seconds: settings.lock_seconds || EMPTY.lock_seconds,
    timeout_seconds: settings.timeout_seconds || EMPTY.timeout_seconds,
    exempt_roles: [...(settings.exempt_roles ?? [])],
    exempt_channels: [...(settings.exempt_channels ?? [])],
  };
}

export const hasLines = (kind: RuleKind): boolean => kind === "words" || kind === "links";
export const hasLimit = (kind: RuleKind): boolean => kind === "mentions" || kind === "repeats" || kind === "raid";
export const hasSeconds = (kind: RuleKind): boolean => kind === "repeats" || kind === "raid";

/** What is sent: only what its kind looks at. */
export function settingsOf(draft: Draft): RuleSettings {
  const { kind } = draft;
  const action = kind === "raid" ? "block" : draft.action;
  const lines = draft.lines.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return {
    name: draft.name.trim(),
    kind,
    action,
    enabled: draft.enabled,
    words: hasLines(kind) ? [...new Set(lines)] : [],
    limit: hasLimit(kind) ? draft.limit : 0,
    seconds: hasSeconds(kind) ? draft.seconds : 0,
    lock_seconds: kind === "raid" ? draft.lock_seconds : 0,
    exempt_roles: kind === "raid" ? [] : draft.exempt_roles,
    exempt_channels: kind === "raid" ? [] : draft.exempt_channels,
    timeout_seconds: action === "timeout" ? draft.timeout_seconds : 0,
  };
}
