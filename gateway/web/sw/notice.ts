// What a push says, and the notification that is made of it.
import type { Say, Sentence } from "./words.ts";

/** Why somebody is told of a message: what is said where it may be read, and where it may not. */
const REASONS = {
  mention: ["{author} mentions you in #{channel}", "Somebody mentions you."],
  reply: ["{author} replies to you in #{channel}", "Somebody replies to you."],
  role: ["{author} mentions a role of yours in #{channel}", "Somebody mentions a role of yours."],
  keyword: ["{author} says one of your words in #{channel}", "Somebody says one of your words."],
  everyone: ["{author} calls everyone in #{channel}", "Somebody calls everyone."],
  all: ["{author} in #{channel}", "There is a new message."],
} as const satisfies Record<string, readonly [Sentence, Sentence]>;

type Reason = keyof typeof REASONS;

export interface TestPush {
  kind: "test";
}

/** Who asked for privacy is told neither names nor the text. */
export interface MessagePush {
  kind: "message";
  reason: Reason;
  server_id: string;
  channel_id: string;
  message_id: string;
  server?: string;
  channel?: string;
  author?: string;
  text?: string;
}

/** None: there is something, and nobody says what. */
export type Push = TestPush | MessagePush | null;

const ID = /^[1-9][0-9]{0,15}$/;
const PLACES = ["server_id", "channel_id", "message_id"] as const;
const NAMES = ["server", "channel", "author", "text"] as const;

/** What a push says. What this worker is too old for is told as something: a browser shows a word of its own else. */
export function readPush(text: string): Push {
  try {
    const said = JSON.parse(text) as Record<string, unknown>;
    if (said["kind"] === "test") return { kind: "test" };
    return isMessage(said) ? said : null;
  } catch {
    return null;
  }
}

function isMessage(said: Record<string, unknown>): said is Record<string, unknown> & MessagePush {
  const { kind, reason } = said;
  if (kind !== "message" || typeof reason !== "string" || !Object.hasOwn(REASONS, reason)) return false;
  return PLACES.every((name) => ID.test(String(said[name]))) && NAMES.every((name) => ["string", "undefined"].includes(typeof said[name]));
}

export interface Notice {
  title: string;
  body: string;
  /** Another one with this tag takes its place. */
  tag: string;
  /** The message that it tells of, where that is known. */
  message: string | null;
  /** Where a click leads. */
  path: string;
}

const NAME = "Confab";

/** The notification for a push: one for each channel. */
export function noticeOf(push: Push, say: Say): Notice {
  if (push === null) return { title: NAME, body: say("There is something new."), tag: "something", message: null, path: "/" };
  if (push.kind === "test") return { title: NAME, body: say("A test: notifications reach this device."), tag: "test", message: null, path: "/" };
  const { server_id, channel_id, message_id, server, channel, author, text } = push;
  const [told, hidden] = REASONS[push.reason];
  const place = { tag: tagOf(channel_id), message: message_id, path: `/c/${server_id}/${channel_id}/${message_id}` };
  if (channel === undefined || author === undefined) return { title: NAME, body: say(hidden), ...place };
  const title = [say(told, { author, channel }), ...(server === undefined ? [] : [server])].join(" · ");
  return { title, body: text ?? "", ...place };
}

const tagOf = (channel: string) => `channel-${channel}`;
