import { type Handlers } from "./table.js";

export const account: Handlers<"session_opened" | "session_closed" | "account_updated" | "status_updated"> = {
  session_opened(state, { session }) {
    const { sessions } = state;
    if (sessions === null || sessions.some(({ session_id }) => session_id === session.session_id)) return;
    sessions.push(session);
  },
  session_closed(state, { session_id }) {
    state.sessions = state.sessions?.filter((session) => session.session_id !== session_id) ?? null;
  },
  account_updated(state, { profile }) {
    state.profile = profile;
    state.me = profile.user;
    state.users[profile.user.user_id] = profile.user;
  },
  status_updated(state, { status, until, version }) {
    // The text is not told: the client asks for it, and has the one before until then.
    if (version > (state.status?.version ?? -1)) state.status = { text: "", ...state.status, status, until, version };
  },
};
