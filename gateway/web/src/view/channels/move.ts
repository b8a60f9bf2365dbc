// Moving channels: shown at once as the server will have it, until it says how it is.
import { channelSections, placesOf, type ChannelId, type ChannelState, type Moves, type Section, type ServerId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { foresee } from "../../app/foreseen.ts";
import { announce } from "../../kit/announce.tsx";
import { t } from "../../lang/index.ts";
import { permissions, serverPermissions } from "../rights.ts";
import { moveTo, shownIn, stepFrom, type Shown, type Spot } from "./order.ts";

const foreseen = foresee<Moves>("channels_moved", sameOrder);

/** The list of channels, as it is to be once what was asked for is done. */
const sectionsIn = (server: ServerId): Section[] => channelSections(state, server, foreseen.of(server));

export const listIn = (server: ServerId): Shown[] => shownIn(sectionsIn(server));

export const mayMove = ({ channel_id }: ChannelState) => permissions(channel_id).has("MANAGE_CHANNELS");

function sameOrder(server: ServerId, moves: Moves): boolean {
  const [is, foreseen] = [undefined, moves].map((by) => JSON.stringify(shownIn(channelSections(state, server, by))));
  return is === foreseen;
}

/** Puts a channel elsewhere. Its row, if it had the focus, keeps it. */
export async function move(channel: ChannelState, spot: Spot): Promise<void> {
  const { channel_id, server_id } = channel;
  const all = serverPermissions(server_id).has("ADMINISTRATOR");
  const before = foreseen.of(server_id);
  // Who does not know the places of all channels waits for what the server makes of the last move.
  if (before !== undefined && !all) return;
  const planned = moveTo(placesOf(state, server_id, before), listIn(server_id), channel_id, spot, all);
  if (planned === undefined) return;
  const refocus = focusOf(channel_id);
  const done = foreseen.ask(server_id, planned.moves, client.call("channel_move", server_id, planned.place));
  refocus();
  announce(standing(channel));
  await done;
  refocus();
}

/** A step up or down in the list. */
export function moveBy(channel: ChannelState, by: 1 | -1): void {
  const spot = stepFrom(listIn(channel.server_id), channel.channel_id, by);
  if (spot !== undefined) void move(channel, spot);
}

export const canMoveBy = (channel: ChannelState, by: 1 | -1) =>
  stepFrom(listIn(channel.server_id), channel.channel_id, by) !== undefined;

/** Where a channel stands now, for who does not see it move. */
function standing({ channel_id, server_id, name }: ChannelState): string {
  const list = listIn(server_id);
  const categories = list.flatMap(({ category }) => category ?? []);
  const section = list.find(({ channels }) => channels.includes(channel_id));
  const among = section?.channels ?? categories;
  const values = { name, place: among.indexOf(channel_id) + 1, count: among.length };
  const category = section?.category == null ? undefined : state.channels[section.category]?.name;
  return category === undefined
    ? t("{name} is {place} of {count}", values)
    : t("{name} is {place} of {count} in {category}", { ...values, category });
}

/** Gives the row of a channel the focus again, where it has it now: a row that moves in the document loses it. */
function focusOf(channel: ChannelId): () => void {
  const held = focusedRow();
  if (held?.dataset["channel"] !== String(channel)) return () => undefined;
  const list = held.closest("[data-channels]");
  return () => {
    const row = list?.querySelector<HTMLElement>(`[data-channel="${channel}"]`);
    if (row !== document.activeElement && (document.activeElement === document.body || focusedRow() === undefined)) row?.focus();
  };
}

const focusedRow = () => document.activeElement?.closest<HTMLElement>("[data-channels] [data-channel]") ?? undefined;

/** The channel whose row has the focus. */
export function focusedChannel(): ChannelState | undefined {
  const id = Number(focusedRow()?.dataset["channel"]);
  return state.channels[id as ChannelId];
}
