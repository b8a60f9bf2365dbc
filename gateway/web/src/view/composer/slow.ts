// How long a slow channel makes the reader wait. The server counts; this only spares him a refusal.
import type { ChannelState } from "confab-client";
import { createEffect, on } from "solid-js";
import { now, second } from "../../app/clock.ts";
import { timeOfId } from "../../lang/dates.ts";
import { permissions } from "../rights.ts";
import { lastOwn } from "../timeline/deeds.ts";

const UNHURRIED = ["BYPASS_SLOW_MODE", "MANAGE_MESSAGES", "MANAGE_CHANNELS"] as const;

/** The seconds that are left until the next message, 0 for none. What was sent before the channel became slow does not count. */
export function slowdown(channel: () => ChannelState): () => number {
  let since = 0;
  createEffect(on(() => channel().slow_mode, () => (since = now()), { defer: true }));
  return () => {
    const { channel_id, slow_mode } = channel();
    if (slow_mode === 0) return 0;
    const may = permissions(channel_id);
    const own = UNHURRIED.some((name) => may.has(name)) ? undefined : lastOwn(channel_id);
    if (own === undefined || timeOfId(own.message_id) < since) return 0;
    const left = timeOfId(own.message_id) / 1000 + slow_mode - second() / 1000;
    return Math.min(slow_mode, Math.max(0, Math.ceil(left)));
  };
}
