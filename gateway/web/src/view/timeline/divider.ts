// The divider of a visit: it stands where the reader was when he came, until he comes again.
import type { ChannelId } from "confab-client";
import { createEffect, createSignal, on, onCleanup, untrack } from "solid-js";
import { state } from "../../app/client.ts";

export interface Divider {
  /** The last message before it; null where nothing was unread. */
  seq: () => number | null;
  /** Whether it is known what is unread; what a device kept may be old. */
  isKnown: () => boolean;
  /** Whether what is seen counts as read: not before it is known what was, and not what the reader put back. */
  mayRead: () => boolean;
  /** The reader says that he is done. */
  resume: () => void;
}

/** Behind which message a channel is unread; null where it is not. */
export function unreadPlace(channel: ChannelId): number | null {
  const cursor = state.cursors[channel]?.seq;
  return cursor !== undefined && cursor < (state.channels[channel]?.last_seq ?? 0) ? cursor : null;
}

export function dividerOf(channel: ChannelId): Divider {
  const isOpen = () => state.connection.state === "open";
  const [seq, setSeq] = createSignal(untrack(() => unreadPlace(channel)));
  const [known, setKnown] = createSignal(untrack(isOpen));
  const [putBack, setPutBack] = createSignal(false);

  // What a device kept may be old: only after catching up it is known what is unread.
  createEffect(
    on(isOpen, (open) => {
      if (!open || known()) return;
      setSeq(unreadPlace(channel));
      setKnown(true);
    }),
  );
  // A cursor goes back only where somebody says so, here or on another device.
  createEffect(
    on(
      () => state.cursors[channel]?.seq,
      (now, before) => {
        if (now === undefined || before === undefined || now >= before) return;
        setSeq(now);
        setPutBack(true);
      },
      { defer: true },
    ),
  );
  onReturn(channel, (before) => setSeq(before));
  return { seq, isKnown: known, mayRead: () => known() && !putBack(), resume: () => setPutBack(false) };
}

/** Who had read everything, and comes back to the page, finds the divider before what came meanwhile. */
function onReturn(channel: ChannelId, begin: (seq: number) => void): void {
  let left: number | undefined;
  const leave = () => (left = unreadPlace(channel) === null ? state.channels[channel]?.last_seq : undefined);
  const come = () => {
    if (left !== undefined && unreadPlace(channel) === left) begin(left);
    left = undefined;
  };
  addEventListener("blur", leave);
  addEventListener("focus", come);
  onCleanup(() => {
    removeEventListener("blur", leave);
    removeEventListener("focus", come);
  });
}
