// Which channel its page shows, and whose permissions there.
import type { AnyId, ChannelId, ServerId, TargetKind } from "confab-client";
import { createSignal } from "solid-js";
import { openServerPage } from "../server/open.ts";

/** Whom an override names. */
export interface Target {
  kind: TargetKind;
  target: AnyId;
}

const [chosenChannel, setChosenChannel] = createSignal<ChannelId>();
const [chosenTarget, setChosenTarget] = createSignal<Target>();
export { chosenChannel, chosenTarget, setChosenChannel, setChosenTarget };

/** Opens the page of a channel; with `target` at what it says of somebody. `target` is the id of a role or of a member. */
export function openOverrides(server: ServerId, channel: ChannelId, target?: { kind: TargetKind; target: number }): void {
  openServerPage(server, "channels", () => {
    setChosenChannel(channel);
    setChosenTarget(target as Target | undefined);
  });
}
