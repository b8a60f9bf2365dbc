import { colourOf, nameOf, type ServerId, type UserId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { cssColour } from "../../kit/colour.ts";
import { t } from "../../lang/index.ts";
import type { Names } from "../../text/plain.ts";

/** What somebody is called; a word where he is not known, or not any more. */
export function shownName(user: UserId, server?: ServerId): string {
  if (state.users[user]?.deleted) return t("Deleted account");
  return nameOf(state, user, server) ?? "…";
}

/** The colour of a name by its highest role, as CSS that keeps it readable in every theme. */
export function nameColour(user: UserId, server: ServerId): string | undefined {
  const colour = colourOf(state, user, server);
  return colour === null ? undefined : cssColour(colour);
}

/** Names for a text in one line. Whoever is named and not known is looked up. */
export const namesIn = (server: ServerId): Names => ({
  user: (id) => {
    client.meet([id], server);
    return shownName(id, server);
  },
  role: (id) => state.servers[server]?.roles[id]?.name ?? t("a deleted role"),
  hidden: "▇▇▇",
});
