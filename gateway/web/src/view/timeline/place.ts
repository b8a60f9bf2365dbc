import type { ChannelState, Message } from "confab-client";
import { client, state } from "../../app/client.ts";
import type { Place } from "../../text/render.tsx";
import { openMember } from "../people/card.ts";
import { shownName } from "../people/names.ts";

/** What a text of this channel needs to know. What is only being sent mentions nobody yet. */
export function placeOf(message: Message | null, { server_id }: ChannelState): Place {
  const own = () => {
    const me = state.me?.user_id;
    return me === undefined ? [] : [me, server_id, ...(state.servers[server_id]?.members[me]?.roles ?? [])];
  };
  return {
    everyone: server_id,
    userName: (id) => {
      client.meet([id], server_id);
      return shownName(id, server_id);
    },
    roleName: (id) => state.servers[server_id]?.roles[id]?.name,
    isMention: (id) => (message === null ? true : message.mentions.some((mention) => (mention as number) === id)),
    isMe: (id) => own().some((one) => (one as number) === id),
    onUser: (id, at) => openMember(id, server_id, at),
  };
}
