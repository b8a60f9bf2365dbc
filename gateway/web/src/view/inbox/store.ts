// What calls upon the reader, read or not: fetched when the inbox is opened, and kept right by what happens.
import { mentionsMe, type Events, type MentioningMessage, type MessageId, type Named } from "confab-client";
import { createSignal } from "solid-js";
import { forgetWithAccount } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";
import { paged } from "../../app/paged.ts";

const PAGE = 50;

/** Whether they are to be asked for, again, when the inbox is opened. */
const [isOld, setIsOld] = createSignal(true);

export const mentions = paged<MentioningMessage, MessageId>(
  async (before) => {
    const page = await client.call("pings_get", 0, { before, limit: PAGE });
    for (const { server_id, message } of page.mentions) client.meet([message.author_id], server_id);
    return { rows: page.mentions, next: page.next };
  },
  { join: merged, waits: true },
);

forgetWithAccount(() => {
  mentions.forget();
  setIsOld(true);
});

/** Fetches the newest, unless they are known. */
export function load(): void {
  if (!isOld()) return;
  setIsOld(false);
  mentions.again();
}

/** The newest first, each once. */
function merged(held: readonly MentioningMessage[], added: readonly MentioningMessage[]): MentioningMessage[] {
  const all = new Map([...held, ...added].map((one) => [one.message.message_id, one]));
  return [...all.values()].sort((a, b) => b.message.message_id - a.message.message_id);
}

const without = (ids: readonly MessageId[]) => mentions.change((held) => held.filter(({ message }) => !ids.includes(message.message_id)));

function happened(event: Named<Events>): void {
  switch (event.name) {
    case "message_created": {
      const { channel_id, message } = event.body;
      const channel = state.channels[channel_id];
      if (channel === undefined || message.author_id === state.me?.user_id || !mentionsMe(state, channel, message.mentions)) return;
      const { server_id } = channel;
      return mentions.change((held) => merged(held, [{ server_id, channel_id, message, read: false }]));
    }
    case "message_deleted":
      return without([event.body.message_id]);
    case "messages_deleted":
      return without(event.body.message_ids);
    case "message_edited": {
      const { message_id, content, edited_at, mentions: called } = event.body;
      const edited = (one: MentioningMessage) => ({ ...one, message: { ...one.message, content, edited_at, mentions: called } });
      return mentions.change((held) => held.map((one) => (one.message.message_id === message_id ? edited(one) : one)));
    }
  }
}

client.on("event", ({ event }) => happened(event));
// Who was away asks again.
client.on("connection", (connection) => {
  if (connection.state === "catching_up") setIsOld(true);
});
