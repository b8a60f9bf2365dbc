// What calls upon the reader, read or not: fetched when the inbox is opened, and kept right by what happens.
import { mentionsMe, type Events, type MentioningMessage, type MessageId, type Named } from "confab-client";
import { batch, createSignal } from "solid-js";
import { forgetWithAccount } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";

const PAGE = 50;

const [mentions, setMentions] = createSignal<MentioningMessage[]>([]);
const [next, setNext] = createSignal<MessageId | null>(null);
const [phase, setPhase] = createSignal<"old" | "busy" | "known" | "failed">("old");
const [error, setError] = createSignal<unknown>();

export { mentions, next, phase, error };

/** Rises with the account: what was asked for by another one is dropped. */
let turn = 0;

forgetWithAccount(() => {
  turn += 1;
  batch(() => {
    setMentions([]);
    setNext(null);
    setPhase("old");
  });
});

/** Fetches the newest, unless they are known. */
export async function load(): Promise<void> {
  if (phase() === "known" || phase() === "busy") return;
  await fetchPage(null);
}

export const loadMore = (): Promise<void> => fetchPage(next());

async function fetchPage(before: MessageId | null): Promise<void> {
  const mine = turn;
  setPhase("busy");
  try {
    const page = await client.call("pings_get", 0, { before, limit: PAGE });
    if (mine !== turn) return;
    for (const { server_id, message } of page.mentions) client.meet([message.author_id], server_id);
    batch(() => {
      setMentions((held) => merged(before === null ? held.filter(({ message }) => isNewer(message.message_id, page.mentions)) : held, page.mentions));
      setNext(page.next);
      setError(undefined);
      setPhase("known");
    });
  } catch (refusal) {
    if (mine !== turn) return;
    batch(() => {
      setError(refusal);
      setPhase("failed");
    });
  }
}

/** What an event told while the page was fetched may be missing in it. */
const isNewer = (id: MessageId, page: readonly MentioningMessage[]) => id > (page[0]?.message.message_id ?? 0);

/** The newest first, each once. */
function merged(held: readonly MentioningMessage[], added: readonly MentioningMessage[]): MentioningMessage[] {
  const all = new Map([...held, ...added].map((one) => [one.message.message_id, one]));
  return [...all.values()].sort((a, b) => b.message.message_id - a.message.message_id);
}

const without = (ids: readonly MessageId[]) => setMentions((held) => held.filter(({ message }) => !ids.includes(message.message_id)));

function happened(event: Named<Events>): void {
  switch (event.name) {
    case "message_created": {
      const { channel_id, message } = event.body;
      const channel = state.channels[channel_id];
      if (channel === undefined || message.author_id === state.me?.user_id || !mentionsMe(state, channel, message.mentions)) return;
      const { server_id } = channel;
      return void setMentions((held) => merged(held, [{ server_id, channel_id, message, read: false }]));
    }
    case "message_deleted":
      return void without([event.body.message_id]);
    case "messages_deleted":
      return void without(event.body.message_ids);
    case "message_edited": {
      const { message_id, content, edited_at, mentions: called } = event.body;
      const edited = (one: MentioningMessage) => ({ ...one, message: { ...one.message, content, edited_at, mentions: called } });
      return void setMentions((held) => held.map((one) => (one.message.message_id === message_id ? edited(one) : one)));
    }
  }
}

client.on("event", ({ event }) => happened(event));
// Who was away asks again.
client.on("connection", (connection) => {
  if (connection.state === "catching_up") setPhase("old");
});
