// What can be done with a message. Each is one request; what comes of it comes as an event.
import type { ChannelId, ChannelState, Message, MessageId } from "confab-client";
import { createSignal } from "solid-js";
import { forgetWithAccount } from "../../app/account.ts";
import { act } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { channelPath, messagePath } from "../../app/route.ts";
import { withPart } from "../../app/update.ts";
import { ask } from "../../kit/dialog.tsx";
import { toast } from "../../kit/toast.tsx";
import { t } from "../../lang/index.ts";

/** The message that is edited in its row. */
const [editing, setEditing] = createSignal<MessageId>();
export { editing, setEditing };
forgetWithAccount(() => setEditing(undefined));

export function replyTo({ channel_id }: ChannelState, message: Message): void {
  client.draft(channel_id, state.drafts[channel_id]?.text ?? "", message.message_id);
  document.getElementById("composer")?.focus();
}

export function react({ channel_id, server_id }: ChannelState, message: Message, emoji: string): void {
  const has = message.reactions.some((reaction) => reaction.emoji === emoji && reaction.me);
  const body = { channel_id, message_id: message.message_id, emoji };
  void act(client.call(has ? "message_react_remove" : "message_react_add", server_id, body), "ADD_REACTIONS");
}

export function pin({ channel_id, server_id }: ChannelState, { message_id, pinned }: Message): void {
  void act(client.call(pinned ? "message_unpin" : "message_pin", server_id, { channel_id, message_id }), "PIN_MESSAGES");
}

export function edit({ channel_id, server_id }: ChannelState, { message_id }: Message, content: string): Promise<boolean> {
  return act(client.call("message_edit", server_id, { channel_id, message_id, content }));
}

/** Asks first, unless somebody holds Shift. */
export function remove({ channel_id, server_id }: ChannelState, { message_id }: Message, sure = false): void {
  const run = () => act(client.call("message_delete", server_id, { channel_id, message_id }), "MANAGE_MESSAGES");
  if (sure) return void run();
  ask({ title: t("Delete this message?"), text: t("It is deleted for everyone and cannot be restored."), action: t("Delete"), danger: true, run });
}

export function markUnread({ channel_id }: ChannelState, { seq }: Message): void {
  void act(client.markUnread(channel_id, seq - 1));
}

export async function copyText({ content }: Message): Promise<void> {
  await navigator.clipboard.writeText(content);
  toast(t("Copied."));
}

/** Of a channel, or of a message in it. */
export async function copyLink({ server_id, channel_id }: ChannelState, message?: Message): Promise<void> {
  const path = message === undefined ? channelPath(server_id, channel_id) : messagePath(server_id, channel_id, message.message_id);
  await navigator.clipboard.writeText(location.origin + path);
  toast(t("Copied."));
}

export function openHistory(channel: ChannelState, message: Message | null): void {
  if (message !== null) withPart(() => import("./history.tsx"), ({ showHistory }) => showHistory(channel, message));
}

export function openReactors(channel: ChannelState, message: Message, emoji?: string): void {
  withPart(() => import("./reactors.tsx"), ({ showReactors }) => showReactors(channel, message, emoji));
}

/** The last message of one's own that is held: what the arrow up edits. */
export function lastOwn(channel: ChannelId): Message | undefined {
  const me = state.me?.user_id;
  return state.windows[channel]?.messages.findLast(({ author_id }) => author_id === me);
}
