// Dialogs about channels, loaded when they are opened.
import type { ChannelId, ChannelKind, ChannelState, ServerId } from "confab-client";
import { withPart } from "../../app/update.ts";
import { openDialog } from "../../kit/dialog.tsx";

/** Asks for a new channel; `kind` is what is chosen first. */
export function openCreate(server: ServerId, category: ChannelId | null = null, kind: ChannelKind = "text"): void {
  withPart(() => import("./create.tsx"), ({ CreateChannel }) =>
    openDialog((close) => <CreateChannel server={server} category={category} kind={kind} close={close} />),
  );
}

export function openMoveTo(channel: ChannelState): void {
  withPart(() => import("./move-to.tsx"), ({ MoveTo }) => openDialog((close) => <MoveTo channel={channel} close={close} />));
}
