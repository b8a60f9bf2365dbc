// What the reader may do, for what is offered to him. The server decides; this only spares him a refusal.
import { permissionsIn, permissionsOf, PERMISSIONS, type ChannelId, type ServerId } from "confab-client";
import { minute } from "../app/clock.ts";
import { state } from "../app/client.ts";
import { currentServer } from "../app/place.ts";

export interface Rights {
  has(name: keyof typeof PERMISSIONS): boolean;
}

const of = (held: number): Rights => ({ has: (name) => (held & PERMISSIONS[name]) !== 0 });

/** In a channel, now. */
export const permissions = (channel: ChannelId): Rights => of(permissionsIn(state, channel, minute()));

/** In a server as a whole. */
export const serverPermissions = (server: ServerId): Rights => of(permissionsOf(state, server, minute()));

/** Whether the reader's rights in the server that is shown, now, are such. */
export const inCurrent = (fits: (may: Rights) => boolean) => (): boolean => {
  const server = currentServer();
  return server !== undefined && fits(serverPermissions(server.server.server_id));
};

/** Whether he holds one of these there. */
export const mayInServer = (...names: (keyof typeof PERMISSIONS)[]) => inCurrent((may) => names.some((name) => may.has(name)));
