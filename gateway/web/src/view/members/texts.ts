// That somebody looks otherwise is told without the words beside his name: they are asked for, of many at once.
import { mergePresences, type PresenceChange, type ServerId, type UserId } from "confab-client";
import { client, state } from "../../app/client.ts";

/** Changes of so long are asked for together. */
const TOGETHER = 2_000;

export function statusTexts(server: ServerId): { note: (changes: readonly PresenceChange[]) => void; stop: () => void } {
  const changed = new Set<UserId>();
  let timer: number | undefined;
  const ask = () => {
    timer = undefined;
    const user_ids = [...changed];
    changed.clear();
    // Where that fails the words are as they were, until the list is opened again.
    client.fetch("presence_get", server, { user_ids }, mergePresences).catch(() => undefined);
  };
  return {
    note: (changes) => {
      for (const { user_id, state: look } of changes) {
        // Who is offline has none, and others may be of another server.
        if (look !== "offline" && state.servers[server]?.members[user_id] !== undefined) changed.add(user_id);
      }
      if (changed.size > 0) timer ??= window.setTimeout(ask, TOGETHER);
    },
    stop: () => clearTimeout(timer),
  };
}
