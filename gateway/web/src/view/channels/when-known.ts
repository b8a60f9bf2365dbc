// What was just made is in the state a moment later, with its event.
import type { ChannelId, ChannelState } from "confab-client";
import { createEffect, createRoot } from "solid-js";
import { state } from "../../app/client.ts";

/** Runs once, as soon as the channel is known. */
export function whenKnown(id: ChannelId, run: (channel: ChannelState) => void): void {
  createRoot((dispose) =>
    createEffect(() => {
      const channel = state.channels[id];
      if (channel === undefined) return;
      dispose();
      run(channel);
    }),
  );
}
