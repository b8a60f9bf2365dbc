import type { ChannelState, ServerState } from "confab-client";

/** Where somebody says what he wants to be told of. */
export type Place = { kind: "server"; server: ServerState } | { kind: "category" | "channel"; channel: ChannelState };
