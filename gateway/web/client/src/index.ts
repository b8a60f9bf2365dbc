export * from "./codec.js";
export { createClient, Client } from "./client.js";
export type { ClientOptions, Credentials, Told } from "./options.js";
export { CLOCK, type Clock } from "./clock.js";
export { type Opening } from "./history.js";
export { Refusal, type Reason } from "./refusal.js";
export { memoryStorage, type Boxes, type Key, type Storage } from "./outbox/storage.js";
export { ALONE, OWN_LOCK, type Lock, type News, type Tabs } from "./outbox/tabs.js";
export type { Draft, Send } from "./outbox/send.js";
export { apply } from "./state/apply/index.js";
export * from "./state/merge.js";
export { keyOf, rowsOf, sendsOf, type Row } from "./state/sends.js";
export {
  channelsOf,
  emptyState,
  type ChannelState,
  type Connection,
  type MemberState,
  type Mention,
  type Presence,
  type ServerState,
  type State,
  type Window,
} from "./state/state.js";
export { mentionsMe } from "./state/mentions.js";
export { holds, permissionsIn, permissionsOf, rankOf } from "./state/rights.js";
export { levelAt, levelIn, MUTED_FOR_GOOD, mutedUntil, widerScopes, type LevelSetting, type Scope } from "./state/levels.js";
export { mentionsIn, showsUnread, unreadOf, unreadOfServer } from "./state/unread.js";
export * from "./state/views.js";
export { reaches } from "./state/window.js";
export { type Body, type CallOptions, type Reply } from "./wire/call.js";
export { clockTicker, type Ticker } from "./wire/pulse.js";
export { socketsOf, type OpenSocket, type Socket, type SocketHandlers, type WebSocketClass } from "./wire/socket.js";
