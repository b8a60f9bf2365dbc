// "Why?": beside what somebody may not do. What answers is loaded when it is asked.
import type { ChannelId, ServerId, UserId } from "confab-client";
import { openDialog } from "../../kit/dialog.tsx";
import type { PermissionName } from "../permissions/words.ts";

export interface Asked {
  server: ServerId;
  /** In this channel; else in the server as a whole. */
  channel?: ChannelId | undefined;
  /** Of this member; else of the reader. */
  user?: UserId | undefined;
  /** Begins with this one. */
  permission?: PermissionName | undefined;
}

export async function openWhy(asked: Asked): Promise<void> {
  const { Why } = await import("./why.tsx");
  openDialog((close) => <Why {...asked} close={close} />);
}
