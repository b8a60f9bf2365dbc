// Who somebody is, and what can be done with him: a card, which is fetched then, and a menu.
import { mergeMember, type ServerId, type UserId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { withPart } from "../../app/update.ts";
import { openMenu } from "../../kit/menu.tsx";
import { menuOf } from "../registry.ts";
import { shownName } from "./names.ts";

/** Shows who somebody is, beside his name. */
export function openMember(user: UserId, server: ServerId | undefined, at: HTMLElement): void {
  client.meet([user], server);
  withPart(() => import("../member/card.tsx"), ({ showCard }) => showCard(user, server, at));
}

/** What can be done with somebody. Who was not met yet is looked up: what one may depends on his rank. */
export async function openMemberMenu(user: UserId, server: ServerId | undefined, at: HTMLElement | { clientX: number; clientY: number }): Promise<void> {
  if (server !== undefined && state.servers[server]?.members[user] === undefined) {
    await client.fetch("member_get", server, { user_id: user }, (known, shown) => mergeMember(known, server, shown)).catch(() => client.meet([user]));
  }
  const known = server === undefined ? undefined : state.servers[server];
  openMenu(shownName(user, server), menuOf("member", { user, server: known }), at, "right");
}
