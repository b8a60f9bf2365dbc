// What happens to a list of pins, the last pinned first.
import type { Message, MessageId, Pin } from "confab-client";

/** Where its time puts it, in place of what stood for the message. */
export function put(list: Pin[], pin: Pin): void {
  drop(list, [pin.message.message_id]);
  const behind = list.findIndex(({ pinned_at }) => pinned_at <= pin.pinned_at);
  list.splice(behind < 0 ? list.length : behind, 0, pin);
}

export function drop(list: Pin[], ids: readonly MessageId[]): void {
  for (let at = list.length - 1; at >= 0; at -= 1) if (ids.includes(list[at]!.message.message_id)) list.splice(at, 1);
}

export function edit(list: Pin[], id: MessageId, change: Partial<Message>): void {
  const pin = list.find(({ message }) => message.message_id === id);
  if (pin !== undefined) Object.assign(pin.message, change);
}
