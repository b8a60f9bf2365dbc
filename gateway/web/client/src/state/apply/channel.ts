import type { AnyId, Channel } from "../../codec.js";
import { forgetChannel, serverOf, type State } from "../state.js";
import { type Handlers } from "./table.js";

function put(state: State, topic: AnyId, channel: Channel): void {
  const server = serverOf(state, topic);
  if (server === undefined) return;
  const known = state.channels[channel.channel_id];
  // A message that was told already is not taken back by an event that is applied again.
  const last = known !== undefined && known.last_seq > channel.last_seq ? known : channel;
  const { last_seq, last_message_id } = last;
  const { server_id } = server.server;
  state.channels[channel.channel_id] = { ...channel, last_seq, last_message_id, server_id };
}

export const channel: Handlers<"channel_created" | "channel_updated" | "channel_deleted" | "channels_moved"> = {
  channel_created: (state, { channel }, { topic }) => put(state, topic, channel),
  channel_updated: (state, { channel }, { topic }) => put(state, topic, channel),
  channel_deleted(state, { channel_id }, { topic }) {
    forgetChannel(state, channel_id);
    delete serverOf(state, topic)?.mutes[channel_id];
  },
  channels_moved(state, { channels }) {
    for (const { channel_id, position, parent_id } of channels) {
      const channel = state.channels[channel_id];
      if (channel !== undefined) Object.assign(channel, { position, parent_id });
    }
  },
};
