// The list of channels as rows that are put in order.
import type { ChannelId, ChannelState } from "confab-client";
import { withPart } from "../../app/update.ts";
import { state } from "../../app/client.ts";
import { focusedRow, type Order } from "../../kit/reorder.ts";
import { permissions } from "../rights.ts";
import { listIn, move, ROWS } from "./move.ts";
import { stepFrom } from "./order.ts";

/** The channel whose row has the focus. */
export const focusedChannel = (): ChannelState | undefined => state.channels[Number(focusedRow(ROWS)?.dataset["channel"]) as ChannelId];

/** The list of channels, beside what is read and in the settings of a server. */
export const CHANNELS: Order<ChannelId> = {
  rows: ROWS,
  mayMove: (id) => state.channels[id] !== undefined && permissions(id).has("MANAGE_CHANNELS"),
  canStep: (id, by) => {
    const channel = state.channels[id];
    return channel !== undefined && stepFrom(listIn(channel.server_id), id, by) !== undefined;
  },
  step: (id, by) => {
    const channel = state.channels[id];
    const spot = channel && stepFrom(listIn(channel.server_id), id, by);
    if (channel !== undefined && spot !== undefined) void move(channel, spot);
  },
  drag: (id, press) => withPart(() => import("./drag.ts"), ({ dragChannel }) => dragChannel(id, press)),
};
