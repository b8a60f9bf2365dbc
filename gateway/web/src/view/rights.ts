// What the reader may do, for what is offered to him. The server decides; this only spares him a refusal.
import { permissionsIn, permissionsOf, PERMISSIONS, type ChannelId, type ServerId } from "confab-client";
import { minute } from "../app/clock.ts";
import { state } from "../app/client.ts";

export interface Rights {
  has(name: keyof typeof PERMISSIONS): boolean;
}

const of = (held: number): Rights => ({ has: (name) => (held & PERMISSIONS[name]) !== 0 });

/** In a channel, now. */
export const permissions = (channel: ChannelId): Rights => of(permissionsIn(state, channel, minute()));

/** In a server as a whole. */
export const serverPermissions = (server: ServerId): Rights => of(permissionsOf(state, server, minute()));
