// Moving channels: shown at once as the server will have it, until it says how it is.
import { channelSections, placesOf, type ChannelState, type Moves, type Section, type ServerId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { foresee } from "../../app/foreseen.ts";
import { moveRow } from "../../kit/reorder.ts";
import { t } from "../../lang/index.ts";
import { serverPermissions } from "../rights.ts";
import { moveTo, shownIn, type Shown, type Spot } from "./order.ts";

/** Rows have their id in `data-channel`. */
export const ROWS = "channel";

const foreseen = foresee<Moves>("channels_moved", sameOrder);

/** The list of channels, as it is to be once what was asked for is done. */
const sectionsIn = (server: ServerId): Section[] => channelSections(state, server, foreseen.of(server));

export const listIn = (server: ServerId): Shown[] => shownIn(sectionsIn(server));

function sameOrder(server: ServerId, moves: Moves): boolean {
  const [is, foreseen] = [undefined, moves].map((by) => JSON.stringify(shownIn(channelSections(state, server, by))));
  return is === foreseen;
}

/** Puts a channel elsewhere. */
export async function move(channel: ChannelState, spot: Spot): Promise<void> {
  const { channel_id, server_id } = channel;
  const all = serverPermissions(server_id).has("ADMINISTRATOR");
  const before = foreseen.of(server_id);
  // Who does not know the places of all channels waits for what the server makes of the last move.
  if (before !== undefined && !all) return;
  const planned = moveTo(placesOf(state, server_id, before), listIn(server_id), channel_id, spot, all);
  if (planned === undefined) return;
  const begin = () => foreseen.ask(server_id, planned.moves, client.call("channel_move", server_id, planned.place));
  await moveRow(ROWS, channel_id, begin, () => standing(channel));
}

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
