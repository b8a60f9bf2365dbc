// What a client knows. Plain data: it can be serialised, compared with what is fetched, and
// put into whatever store a user interface has.

import type {
  AnyId,
  Channel,
  ChannelId,
  LevelState,
  Lockdown,
  Member,
  Message,
  MessageId,
  Notifications,
  PresenceState,
  Profile,
  ReadCursor,
  Role,
  RoleId,
  Server,
  ServerId,
  SessionId,
  SessionInfo,
  Status,
  User,
  UserId,
} from "../codec.js";
import type { Draft, Send } from "../outbox/send.js";

/**
 * How it stands with the connection; nothing is claimed that is not so. One that stands is `doubted` while it is asked whether it
 * lives, as the platform says that there is no network.
 */
export type Connection =
  /** Nobody asked for one. */
  | { state: "closed" }
  | { state: "signed_out"; because: "unauthenticated" | "revoked" | "signed_out" }
  | { state: "connecting"; since: number }
  /** Connected; what was missed is on its way. */
  | { state: "catching_up"; since: number; doubted?: boolean }
  | { state: "open"; since: number; doubted?: boolean }
  /** The next attempt is at `next`. */
  | { state: "lost"; since: number; next: number }
  | { state: "offline"; since: number }
  /** The gateway does not want this client to come back: a fault of the client, which an update may mend. */
  | { state: "stopped"; code: number };

export interface State {
  connection: Connection;
  me: User | null;
  session: SessionId | null;
  /** The event log that `topics` belong to. */
  epoch: string | null;
  /** The last event seen of each topic: of each server, and of the account. */
  topics: Record<AnyId, number>;
  /** How far changes of cursors and levels are known. */
  registers: number;
  /** Whether devices are told by web push in this deployment; null until a session says. */
  push: boolean | null;
  profile: Profile | null;
  status: Status | null;
  /** The account's sessions, once they were asked for. */
  sessions: SessionInfo[] | null;
  users: Record<UserId, User>;
  servers: Record<ServerId, ServerState>;
  channels: Record<ChannelId, ChannelState>;
  windows: Record<ChannelId, Window>;
  cursors: Record<ChannelId, ReadCursor>;
  /** What the account wants to be told of, by server, category and channel; 0 is for all servers. */
  levels: Record<number, LevelState>;
  /** How the account is told, once it was asked for. */
  notifications: Notifications | null;
  /** Messages that mention the account and are not read, the newest last. */
  mentions: Mention[];
  /** Whether others may be missing among them: then they are fetched anew. */
  mentionsDue: boolean;
  /** How far each channel was read at most since they were fetched: what mentions the account before that is not kept. */
  mentionsFrom: Record<ChannelId, number>;
  /** Who types where, and until when that is believed. */
  typing: Record<ChannelId, Record<UserId, number>>;
  /** Of those who are watched. */
  presence: Record<UserId, Presence>;
  /** What is to be sent, by nonce, in order. */
  sends: Record<string, Send>;
  /** The nonces of what was sent here: the key of such a message stays what it was before it had an id. */
  keys: Record<MessageId, string>;
  drafts: Record<ChannelId, Draft>;
}

export interface ServerState {
  server: Server;
  /** Whether the rest was fetched; before, only `server` is known. */
  loaded: boolean;
  roles: Record<RoleId, Role>;
  /** Those who are known: oneself, and whoever was listed or met. */
  members: Record<UserId, MemberState>;
  /** Where oneself may only look on, and until when. */
  mutes: Record<ChannelId, number>;
  lockdown: Lockdown | null;
}

/** A member without the account, which is in `users`. */
export type MemberState = Omit<Member, "user">;

export interface ChannelState extends Channel {
  server_id: ServerId;
}

/** A piece of a channel's history, without a hole, in the order of `seq`. */
export interface Window {
  messages: Message[];
  /** Whether it begins with the first message. */
  start: boolean;
  /** Whether it ends with the last message: then new ones are added. */
  head: boolean;
  /** Whether the reader is at its end: then the oldest make room for new ones; else new ones wait. */
  follow: boolean;
  /** Whether it comes from a cache, and what happened since is not in it. */
  cached: boolean;
}

export interface Mention {
  server_id: ServerId;
  channel_id: ChannelId;
  message_id: MessageId;
  seq: number;
}

export interface Presence {
  state: PresenceState;
  text: string;
}

export function emptyState(): State {
  return {
    connection: { state: "closed" },
    sends: {},
    drafts: {},
    ...emptyKnowledge(),
  };
}

/** What the cluster says; the rest of the state is the device's own. */
export type Knowledge = Omit<State, "connection" | "sends" | "drafts">;

export function emptyKnowledge(): Knowledge {
  return {
    me: null,
    session: null,
    epoch: null,
    topics: {},
    registers: 0,
    push: null,
    profile: null,
    status: null,
    sessions: null,
    users: {},
    servers: {},
    channels: {},
    windows: {},
    cursors: {},
    levels: {},
    notifications: null,
    mentions: [],
    mentionsDue: true,
    mentionsFrom: {},
    typing: {},
    presence: {},
    keys: {},
  };
}

export function emptyServer(server: Server): ServerState {
  return { server, loaded: false, roles: {}, members: {}, mutes: {}, lockdown: null };
}

/** The values of a map, as its keys are only known as texts. */
export function values<Value>(map: Record<number, Value>): Value[] {
  return Object.values(map);
}

/** A topic is a server's, or the account's. */
export function serverOf(state: State, topic: AnyId): ServerState | undefined {
  return state.servers[topic as number as ServerId];
}

/** The channels of a server, in no order. */
export function channelsOf(state: State, server: ServerId): ChannelState[] {
  return values(state.channels).filter((channel) => channel.server_id === server);
}

/** Forgets all that is kept of a channel, but that oneself may only look on there: it may be seen again. */
export function forgetChannel(state: State, id: ChannelId): void {
  delete state.channels[id];
  delete state.windows[id];
  delete state.cursors[id];
  delete state.typing[id];
  // Nobody tells any more that it arrived.
  for (const { nonce, channel_id, state: stage } of Object.values(state.sends)) {
    if (channel_id === id && stage === "sent") delete state.sends[nonce];
  }
  keepMentions(state, (mention) => mention.channel_id !== id);
}

/** Drops the others; where there are none, nothing changes for who looks. */
export function keepMentions(state: State, keep: (mention: Mention) => boolean): void {
  const kept = state.mentions.filter(keep);
  if (kept.length < state.mentions.length) state.mentions = kept;
}

/** Forgets all that is kept of a server. */
export function forgetServer(state: State, id: ServerId): void {
  for (const channel of channelsOf(state, id)) forgetChannel(state, channel.channel_id);
  delete state.servers[id];
  delete state.topics[id as number as AnyId];
}
