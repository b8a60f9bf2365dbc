// Dialogs about channels, loaded when they are opened.
import type { ChannelId, ChannelKind, ChannelState, ServerId } from "confab-client";
import { openDialog } from "../../kit/dialog.tsx";

/** Asks for a new channel; `kind` is what is chosen first. */
export async function openCreate(server: ServerId, category: ChannelId | null = null, kind: ChannelKind = "text"): Promise<void> {
  const { CreateChannel } = await import("./create.tsx");
  openDialog((close) => <CreateChannel server={server} category={category} kind={kind} close={close} />);
}

export async function openMoveTo(channel: ChannelState): Promise<void> {
  const { MoveTo } = await import("./move-to.tsx");
  openDialog((close) => <MoveTo channel={channel} close={close} />);
}
