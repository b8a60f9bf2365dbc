// When something counts as read: the page has the focus and a row was seen for a second, the focus of the
// keyboard passes it, or one answers. What was jumped over is not read.
import { reaches, type ChannelId } from "confab-client";
import { onCleanup } from "solid-js";
import { client, state } from "../../app/client.ts";
import { onEscapeLast } from "../escape-last.ts";
import type { Divider } from "./divider.ts";
import type { Scroller } from "./scroller.ts";

const SEEN = 1_000;

export function keepReading(channel: ChannelId, element: HTMLElement, scroller: Scroller, divider: Divider): void {
  let timer = 0;
  const readUpTo = (seq: number) => {
    if (divider.mayRead() && !skipped(channel, scroller)) client.read(channel, seq);
  };
  const look = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (document.hasFocus() && !document.hidden) readUpTo(lastSeen(element));
    }, SEEN);
  };
  const observer = new MutationObserver(look);
  observer.observe(element, { childList: true, subtree: true });
  element.addEventListener("scroll", look, { passive: true });
  element.addEventListener("focusin", (event) => {
    readUpTo(seqOf((event.target as Element).closest<HTMLElement>("[data-seq]")));
  });
  addEventListener("focus", look);
  onEscapeLast(() => {
    markRead(channel, divider);
    void scroller.toPresent();
  });
  // Who answers has read.
  const stop = client.on("event", ({ event }) => {
    if (event.name !== "message_created" || event.body.channel_id !== channel) return;
    if (event.body.message.author_id === state.me?.user_id) markRead(channel, divider);
  });
  look();
  onCleanup(() => {
    clearTimeout(timer);
    stop();
    observer.disconnect();
    removeEventListener("focus", look);
  });
}

/** All of a channel counts as read. */
export function markRead(channel: ChannelId, divider: Divider): void {
  divider.resume();
  client.read(channel, state.channels[channel]?.last_seq ?? 0);
}

function lastSeen(element: HTMLElement): number {
  const bottom = element.scrollTop + element.clientHeight;
  let seen = 0;
  for (const row of element.querySelectorAll<HTMLElement>("[data-seq]")) {
    if (row.offsetTop + Math.min(row.offsetHeight, element.clientHeight / 2) <= bottom) seen = seqOf(row);
  }
  return seen;
}

/** A place far behind the cursor was jumped to: what lies between was not read, unless the reader went to the end. */
function skipped(channel: ChannelId, scroller: Scroller): boolean {
  const window = state.windows[channel];
  const cursor = state.cursors[channel]?.seq;
  if (window === undefined || cursor === undefined || reaches(window, cursor)) return false;
  return !(window.head && scroller.atEnd());
}

const seqOf = (row: HTMLElement | null) => Number(row?.dataset["seq"] ?? 0);
