import type { UserId } from "../../codec.js";
import { advanceCursor } from "../unread.js";
import { type Handlers } from "./table.js";

/** For so long after the signal somebody is taken to be typing. */
const TYPING = 8_000;

/** What is not in the log of a topic: who types, who is there, what is read. */
export const presence: Handlers<"typing_started" | "presence_changed" | "unread_moved"> = {
  typing_started(state, { channel_id, user_id }, { now }) {
    if (user_id === state.me?.user_id || state.channels[channel_id] === undefined) return;
    const typing = (state.typing[channel_id] ??= {});
    for (const [user, until] of Object.entries(typing)) if (until <= now) delete typing[Number(user) as UserId];
    typing[user_id] = now + TYPING;
  },
  presence_changed(state, { changes }) {
    for (const { user_id, state: look } of changes) {
      const text = look === "offline" ? "" : (state.presence[user_id]?.text ?? "");
      state.presence[user_id] = { state: look, text };
    }
  },
  unread_moved: (state, { cursor }) => advanceCursor(state, cursor),
};
