import type { ServerId, UserId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { openMenu } from "../../kit/menu.tsx";
import { menuOf } from "../registry.ts";
import { shownName } from "./names.ts";

/** What can be done with somebody, beside his name. */
export function openMember(user: UserId, server: ServerId | undefined, at: HTMLElement | { clientX: number; clientY: number }): void {
  client.meet([user]);
  const known = server === undefined ? undefined : state.servers[server];
  openMenu(shownName(user, server), menuOf("member", { user, server: known }), at, "right");
}
