import type { ChannelId, ServerId, UserId } from "confab-client";
import type { PermissionName } from "../permissions/words.ts";

/** Whose rights are explained, and where. */
export interface Asked {
  server: ServerId;
  /** In this channel; else in the server as a whole. */
  channel?: ChannelId | undefined;
  /** Of this member; else of the reader. */
  user?: UserId | undefined;
  /** Begins with this one. */
  permission?: PermissionName | undefined;
}
