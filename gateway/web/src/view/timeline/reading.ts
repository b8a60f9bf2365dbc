// When something counts as read: the page has the focus and a row was seen for a second, the focus of the
// keyboard passes it, or one answers. What was jumped over is not read.
import type { ChannelId } from "confab-client";
import { createSignal, onCleanup, untrack } from "solid-js";
import { client, state } from "../../app/client.ts";
import { onEscapeLast } from "../escape-last.ts";
import type { Scroller } from "./scroller.ts";

const SEEN = 1_000;

/** The divider of a visit: it stands where the reader was when he came, until he comes again. */
export function dividerOf(channel: ChannelId): { seq: () => number | null; clear: () => void } {
  const cursor = untrack(() => state.cursors[channel]?.seq);
  const last = untrack(() => state.channels[channel]?.last_seq ?? 0);
  const [seq, setSeq] = createSignal(cursor !== undefined && cursor < last ? cursor : null);
  return { seq, clear: () => setSeq(null) };
}

export function keepReading(channel: ChannelId, element: HTMLElement, scroller: Scroller): void {
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (document.hasFocus() && !document.hidden) readSeen(channel, element, scroller);
    }, SEEN);
  };
  const observer = new MutationObserver(look);
  observer.observe(element, { childList: true, subtree: true });
  element.addEventListener("scroll", look, { passive: true });
  element.addEventListener("focusin", (event) => {
    const seq = seqOf((event.target as Element).closest<HTMLElement>("[data-seq]"));
    if (seq > 0) readUpTo(channel, seq, scroller);
  });
  addEventListener("focus", look);
  onEscapeLast(() => {
    client.read(channel, state.channels[channel]?.last_seq ?? 0);
    scroller.toEnd();
  });
  look();
  onCleanup(() => {
    clearTimeout(timer);
    observer.disconnect();
    removeEventListener("focus", look);
  });
}

function readSeen(channel: ChannelId, element: HTMLElement, scroller: Scroller): void {
  const bottom = element.scrollTop + element.clientHeight;
  let seen = 0;
  for (const row of element.querySelectorAll<HTMLElement>("[data-seq]")) {
    if (row.offsetTop + Math.min(row.offsetHeight, element.clientHeight / 2) <= bottom) seen = seqOf(row);
  }
  if (seen > 0) readUpTo(channel, seen, scroller);
}

/** A place far behind the cursor was jumped to: what lies between was not read, unless the reader went to the end. */
function readUpTo(channel: ChannelId, seq: number, scroller: Scroller): void {
  const window = state.windows[channel];
  const cursor = state.cursors[channel]?.seq;
  const first = window?.messages[0]?.seq ?? 0;
  const jumped = cursor !== undefined && !window?.head && first > cursor + 1;
  if (!jumped || scroller.atEnd()) client.read(channel, seq);
}

const seqOf = (row: HTMLElement | null) => Number(row?.dataset["seq"] ?? 0);
