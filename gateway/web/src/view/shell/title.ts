// What the tab is called: what waits, then where one is, the nearest first.
import { createEffect } from "solid-js";
import { state } from "../../app/client.ts";
import { currentChannel, currentServer } from "../../app/place.ts";
import { route } from "../../app/route.ts";
import { say, t } from "../../lang/index.ts";
import { layer } from "../panel.ts";
import { layerPages, type LayerName } from "../registry.ts";

/** Keeps the title of the page; once in it. */
export function keepTitle(): void {
  createEffect(() => {
    document.title = titleOf(state.me === null ? 0 : state.mentions.length, places());
  });
}

/** "(2) #general · HQ · Confab" */
export function titleOf(mentions: number, places: readonly string[]): string {
  const place = [...places, "Confab"].join(" · ");
  if (mentions === 0) return place;
  return `(${mentions > 99 ? "99+" : mentions}) ${place}`;
}

/** What a full layer is called: of a server, as it. */
export function layerTitle(name: LayerName): string {
  if (name === "server") return currentServer()?.server.name ?? t("Server");
  return name === "admin" ? t("Administration") : t("Settings");
}

function places(): string[] {
  const open = layer();
  if (open !== undefined) {
    const pages = layerPages(open.name);
    const page = pages.find(({ id }) => id === open.page) ?? pages[0];
    return [...(page === undefined ? [] : [say(page.title)]), layerTitle(open.name)];
  }
  if (state.connection.state === "signed_out") return [t("Sign in")];
  if (route().at === "invite") return [t("Invite")];
  const [channel, server] = [currentChannel()?.name, currentServer()?.server.name];
  return [...(channel === undefined ? [] : [`#${channel}`]), ...(server === undefined ? [] : [server])];
}
