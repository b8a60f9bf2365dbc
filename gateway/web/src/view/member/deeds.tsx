// Opens the dialogs of a member. What comes of them comes as events.
import type { ChannelState, ServerState, UserId } from "confab-client";
import { openDialog } from "../../kit/dialog.tsx";
import { ChangeRoles, Rename } from "./change.tsx";
import { Ban, Kick } from "./remove.tsx";
import { Silence } from "./silence.tsx";

export const rename = (server: ServerState, user: UserId): void => openDialog((close) => <Rename server={server} user={user} close={close} />);
export const changeRoles = (server: ServerState, user: UserId): void => openDialog((close) => <ChangeRoles server={server} user={user} close={close} />);
export const kick = (server: ServerState, user: UserId): void => openDialog((close) => <Kick server={server} user={user} close={close} />);
export const ban = (server: ServerState, user: UserId): void => openDialog((close) => <Ban server={server} user={user} close={close} />);

/** In a channel, or with null in the whole server. */
export const silence = (server: ServerState, user: UserId, channel: ChannelState | null): void =>
  openDialog((close) => <Silence server={server} user={user} channel={channel} close={close} />);
