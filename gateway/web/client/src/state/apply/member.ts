import type { AnyId, UserId } from "../../codec.js";
import { serverOf, type MemberState, type State } from "../state.js";
import { type Handlers } from "./table.js";

/** A member who is known in the topic's server. */
function member(state: State, topic: AnyId, user: UserId): MemberState | undefined {
  return serverOf(state, topic)?.members[user];
}

export const members: Handlers<
  | "member_joined"
  | "member_left"
  | "member_roles_changed"
  | "nickname_changed"
  | "member_timed_out"
  | "channel_muted"
  | "channel_unmuted"
  | "user_updated"
> = {
  member_joined(state, { member: { user, ...rest } }, { topic }) {
    state.users[user.user_id] = user;
    const server = serverOf(state, topic);
    if (server !== undefined) server.members[user.user_id] = rest;
  },
  member_left(state, { user_id }, { topic }) {
    delete serverOf(state, topic)?.members[user_id];
  },
  member_roles_changed(state, { user_id, roles }, { topic }) {
    const known = member(state, topic, user_id);
    if (known !== undefined) known.roles = roles;
  },
  nickname_changed(state, { user_id, nickname }, { topic }) {
    const known = member(state, topic, user_id);
    if (known !== undefined) known.nickname = nickname;
  },
  member_timed_out(state, { user_id, until }, { topic }) {
    const known = member(state, topic, user_id);
    if (known !== undefined) known.timeout_until = until;
  },
  channel_muted(state, { user_id, mute }, { topic }) {
    const server = serverOf(state, topic);
    if (server !== undefined && user_id === state.me?.user_id) server.mutes[mute.channel_id] = mute.until;
  },
  channel_unmuted(state, { user_id, channel_id }, { topic }) {
    if (user_id === state.me?.user_id) delete serverOf(state, topic)?.mutes[channel_id];
  },
  user_updated(state, { user }) {
    state.users[user.user_id] = user;
    if (state.me?.user_id === user.user_id) state.me = user;
  },
};
