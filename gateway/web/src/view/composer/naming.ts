// Who is meant by a name, and which emoji by a code, that was typed and not chosen. Both are looked up before a message goes
// out, so that whoever is called upon hears it; what is nobody's name stays text.
import type { ChannelState, MessageId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { namesLeft, toSent, type Called } from "../../text/mentions.ts";
import { mayHoldCodes, withEmoji } from "../emoji/codes.ts";
import type { Suggestion } from "./asked.ts";
import { calledIn } from "./complete.ts";

/** So long a message waits at most for the names in it. */
const PATIENCE = 3_000;
/** So many names are looked up for one message, and so many accounts for each: the name itself is the first of them. */
const NAMES = 10;
const EACH = 4;

/** A connection that is there, or may be in a moment: a page that was just opened is written in before it has one. */
const HOPEFUL = ["open", "catching_up", "connecting"];

/** Sends what was written. It shows at once; without a connection it names those who are known. */
export function sendWritten(channel: ChannelState, written: string, replyTo: MessageId | null, chosen: readonly Suggestion[]): void {
  const called = calledIn(channel, chosen);
  const content = toSent(written, called);
  const left = HOPEFUL.includes(state.connection.state) ? namesLeft(content) : [];
  if (left.length === 0 && !mayHoldCodes(written)) {
    client.send(channel.channel_id, content, { replyTo });
    return;
  }
  const nonce = client.send(channel.channel_id, content, { replyTo, hold: PATIENCE });
  void completed(channel, written, called, left).then((whole) => client.amend(nonce, whole));
}

/** What was written as it is sent, once its names and emoji were looked up. */
export async function named(channel: ChannelState, written: string, chosen: readonly Suggestion[] = []): Promise<string> {
  const called = calledIn(channel, chosen);
  return completed(channel, written, called, namesLeft(toSent(written, called)));
}

async function completed(channel: ChannelState, written: string, called: readonly Called[], left: readonly string[]): Promise<string> {
  const [found, text] = await Promise.all([lookUp(channel, left), withEmoji(written)]);
  return toSent(text, [...called, ...found]);
}

async function lookUp({ server_id }: ChannelState, names: readonly string[]): Promise<Called[]> {
  const search = (prefix: string) => client.call("users_search", server_id, { prefix, limit: EACH }, { patience: PATIENCE });
  const replies = await Promise.all(names.slice(0, NAMES).map((name) => search(name).catch(() => undefined)));
  return replies.flatMap((reply) => (reply?.users ?? []).map(({ user_id, name }) => ({ name, sent: `<@${user_id}>` })));
}
