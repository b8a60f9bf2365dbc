// The pinned messages of channels that somebody looked at: fetched once, and kept right by what happens.
import type { ChannelId, ChannelState, Events, Message, Named, Pin } from "confab-client";
import { createEffect, createRoot, on, untrack } from "solid-js";
import { createStore, produce, unwrap } from "solid-js/store";
import { client, state } from "../../app/client.ts";
import { Meanwhile, type Change } from "../../app/meanwhile.ts";
import { drop, edit, put } from "./list.ts";

export interface Pins {
  /** The last pinned first. */
  list: Pin[];
  /** Whether there are older ones. */
  more: boolean;
  known: boolean;
  error: unknown;
}

const PAGE = 50;
/** A pin that an event told has no place among those of the server. */
const NO_PLACE = 0;

const [pins, setPins] = createStore<Record<ChannelId, Pins>>({});
/** What happens to the pins of a channel while something is asked for. */
const meanwhile = new Map<ChannelId, Meanwhile<Pins>>();

/** What is known of the pins of a channel; nothing before anybody asked. */
export const pinsOf = (channel: ChannelId): Pins | undefined => pins[channel];

/** Fetches the pins of a channel, unless that was done. */
export function knowPins(channel: ChannelState): void {
  const { channel_id, server_id } = channel;
  if (untrack(() => pins[channel_id]) !== undefined) return;
  setPins(channel_id, { list: [], more: false, known: false, error: undefined });
  void fetchPins(channel_id);
  createRoot((dispose) => {
    const gone = () => state.channels[channel_id] === undefined;
    // Where events were missed nothing that is held counts.
    createEffect(on(() => state.servers[server_id]?.loaded, (loaded, before) => loaded && before === false && void fetchPins(channel_id)));
    createEffect(() => {
      if (!gone()) return;
      setPins(produce((all) => void delete all[channel_id]));
      dispose();
    });
  });
}

export async function fetchPins(channel_id: ChannelId): Promise<void> {
  try {
    const { reply, again } = await page(channel_id);
    change(channel_id, (known) => {
      Object.assign(known, { list: reply.pins, more: reply.more, known: true, error: undefined });
      again(known);
    });
  } catch (error) {
    change(channel_id, (known) => void (known.error = error));
  }
}

export async function morePins(channel_id: ChannelId): Promise<void> {
  const last = unwrap(pins)[channel_id]?.list.findLast(({ place }) => place !== NO_PLACE);
  if (last === undefined) return fetchPins(channel_id);
  const { reply, again } = await page(channel_id, last.place);
  change(channel_id, (known) => {
    known.list.push(...reply.pins.filter(({ message }) => !known.list.some((pin) => pin.message.message_id === message.message_id)));
    known.more = reply.more;
    again(known);
  });
}

async function page(channel_id: ChannelId, before: number | null = null) {
  const scope = untrack(() => state.channels[channel_id]?.server_id) ?? 0;
  const { reply, again } = await since(channel_id, client.call("messages_pinned", scope, { channel_id, before, limit: PAGE }));
  const people = reply.pins.flatMap(({ user_id, message }) => [user_id, message.author_id]);
  if (scope !== 0) client.meet([...new Set(people)], scope);
  return { reply: { pins: reply.pins, more: reply.more || reply.pins.length === PAGE }, again };
}

/** Waits for a reply, and knows then what happened since it was asked for. */
function since<Reply>(channel: ChannelId, asking: Promise<Reply>) {
  const log = meanwhile.get(channel) ?? new Meanwhile();
  meanwhile.set(channel, log);
  return log.during(asking);
}

/** Something happened to the pins of a channel; what is being fetched may not know it. */
function happens(channel: ChannelId, how: Change<Pins>): void {
  meanwhile.get(channel)?.note(how);
  change(channel, how);
}

function change(channel: ChannelId, how: Change<Pins>): void {
  if (unwrap(pins)[channel] !== undefined) setPins(channel, produce(how));
}

client.on("event", ({ event }) => {
  const channel = (event.body as { channel_id?: ChannelId }).channel_id;
  if (channel !== undefined && unwrap(pins)[channel] !== undefined) hear(channel, event);
});

function hear(channel: ChannelId, event: Named<Events>): void {
  switch (event.name) {
    case "message_pinned":
      return void added(channel, event.body);
    case "message_unpinned":
    case "message_deleted":
      return happens(channel, ({ list }) => drop(list, [event.body.message_id]));
    case "messages_deleted":
      return happens(channel, ({ list }) => drop(list, event.body.message_ids));
    case "message_edited": {
      const { message_id, content, edited_at } = event.body;
      return happens(channel, ({ list }) => edit(list, message_id, { content, edited_at }));
    }
  }
}

/** The event does not say what the message says: it is held, or fetched. */
async function added(channel: ChannelId, { message_id, user_id, pinned_at }: Events["message_pinned"]): Promise<void> {
  const scope = state.channels[channel]?.server_id ?? 0;
  const held = state.windows[channel]?.messages.find((message) => message.message_id === message_id);
  const found = held === undefined ? client.call("message_get", scope, { channel_id: channel, message_id }) : Promise.resolve(unwrap(held));
  // Where it cannot be read there is nothing to show.
  const got = await since(channel, found).catch(() => undefined);
  if (got === undefined) return;
  const message: Message = got.reply;
  if (scope !== 0) client.meet([user_id, message.author_id], scope);
  happens(channel, (known) => {
    put(known.list, { message: { ...message }, user_id, pinned_at, place: NO_PLACE });
    got.again(known);
  });
}
