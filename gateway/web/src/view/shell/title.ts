// What the tab is called: what waits, then where one is, the nearest first.
import { createEffect } from "solid-js";
import { state } from "../../app/client.ts";
import { currentChannel, currentServer } from "../../app/place.ts";

/** Keeps the title of the page; once in it. */
export function keepTitle(): void {
  createEffect(() => {
    document.title = titleOf(state.me === null ? 0 : state.mentions.length, currentChannel()?.name, currentServer()?.server.name);
  });
}

/** "(2) #general · HQ · Confab" */
export function titleOf(mentions: number, channel: string | undefined, server: string | undefined): string {
  const place = [channel === undefined ? undefined : `#${channel}`, server, "Confab"].filter(Boolean).join(" · ");
  if (mentions === 0) return place;
  return `(${mentions > 99 ? "99+" : mentions}) ${place}`;
}
