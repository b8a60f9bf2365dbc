// The beginning of a drag in the list of channels.
import type { ChannelId } from "confab-client";
import { state } from "../../app/client.ts";
import { withPart } from "../../app/update.ts";
import { pressOn } from "../../kit/press.ts";
import { mayMove } from "./move.ts";

export function startDrag(event: PointerEvent & { currentTarget: HTMLElement }): void {
  const press = pressOn(event, "[data-channel]");
  const channel = state.channels[Number(press?.row.dataset["channel"]) as ChannelId];
  if (press === undefined || channel === undefined || !mayMove(channel)) return;
  withPart(() => import("./drag.ts"), ({ dragChannel }) => dragChannel(channel, press));
}
