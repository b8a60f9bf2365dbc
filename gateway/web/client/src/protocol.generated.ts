// Generated from code. `make docs` writes it anew.

import type { Field, Id, Permissions, RequestRow, Row } from "./shapes.js";

export type SessionId = Id<"SessionId">;
export type UserId = Id<"UserId">;
export type ServerId = Id<"ServerId">;
export type ChannelId = Id<"ChannelId">;
export type RoleId = Id<"RoleId">;
export type AnyId = Id<"AnyId">;
export type MessageId = Id<"MessageId">;
export type PushDeviceId = Id<"PushDeviceId">;
export type ReportId = Id<"ReportId">;
export type RuleId = Id<"RuleId">;
export type EntryId = Id<"EntryId">;

/** Who may create an account. */
export type SignUp = "open" | "invite" | "closed";

/** Whom an override names. */
export type TargetKind = "role" | "member";

/** What a channel is for. */
export type ChannelKind = "text" | "voice" | "forum" | "announcement" | "category" | "separator";

/** What a message may have. */
export type Has = "link";

/** What an account wants to be shown as. */
export type StatusKind = "online" | "idle" | "dnd" | "invisible";

/** What somebody wants to be told of. */
export type NotificationLevel = "nothing" | "mentions" | "all";

/** What is wrong with a message. */
export type ReportCategory = "other" | "spam" | "abuse" | "explicit" | "privacy" | "illegal" | "rule";

/** What became of a report. */
export type Resolution = "dismissed" | "acted";

/** What a rule looks for. */
export type RuleKind = "words" | "links" | "mentions" | "repeats" | "raid";

/** What a rule does about a message that it finds. */
export type RuleAction = "block" | "report" | "timeout";

/** What was done. Numbers are in the database and never used again. */
export type Action = "server_update" | "server_transfer" | "invite_create" | "invite_revoke" | "channel_create" | "channel_update" | "channel_delete" | "channel_move" | "override_set" | "override_clear" | "role_create" | "role_update" | "role_delete" | "role_reorder" | "member_kick" | "member_ban" | "member_unban" | "member_timeout" | "channel_mute" | "channel_unmute" | "nickname_update" | "member_roles" | "message_delete" | "messages_delete" | "message_pin" | "message_unpin" | "reaction_remove" | "report_resolve" | "rule_create" | "rule_update" | "rule_delete" | "rule_apply" | "lockdown_set";

/** What decides in one step of a decision. Numbers are never used again. */
export type Cause = "owner" | "role" | "administrator" | "announcement" | "role_override" | "member_override" | "hidden" | "timeout" | "mute";

/** Which bucket a request draws from. */
export type RateLimit = "send" | "write" | "signal" | "register" | "read" | "search" | "sign_in" | "unlimited";

/** How an account looks to others. */
export type PresenceState = "offline" | "online" | "idle" | "dnd";

/** Why somebody is told of a message; where several hold, the first counts. Numbers are in the database and never used again. */
export type NotificationReason = "mention" | "reply" | "role" | "keyword" | "everyone" | "all";

/** What has to hold for somebody to be told, in the order in which it is asked. */
export type NotificationRule = "not_own" | "readable" | "not_muted" | "level" | "everyone_counts" | "called" | "not_quiet" | "may_be_disturbed" | "has_device";

/** What a level may be set for, from the widest to the narrowest. */
export type LevelScope = "deployment" | "server" | "category" | "channel";

/** What became of telling an account of a message. Numbers are in the database and never used again. */
export type NotificationState = "waiting" | "told" | "read" | "withdrawn" | "no_device" | "failed";

/** What a node is. */
export type NodeKind = "gateway" | "worker";

/** Why a membership ended. */
export type LeaveCause = "left" | "kicked" | "banned";

/** Ends the session that sends it. */
export interface LogOut {
  /** The idempotency key. */
  nonce: string;
}

/** Says who may sign up from now on, in place of what the workers were started with. */
export interface SetSignUpPolicy {
  /** The idempotency key. */
  nonce: string;
  /** Who may create an account; stays when absent. */
  signup?: SignUp | null | undefined;
  /** Whether people may come in as guests; stays when absent. */
  guests?: boolean | null | undefined;
}

/** Calls the deployment something else. */
export interface RenameDeployment {
  /** The idempotency key. */
  nonce: string;
  /** Up to 100 characters. */
  name: string;
}

/** Changes what the account says of itself; what is absent stays. */
export interface UpdateAccount {
  /** The idempotency key. */
  nonce: string;
  /** As for signing up. Guests keep the name that was made for them. */
  name?: string | null | undefined;
  /** An HTTPS address of up to 200 characters, or nothing. */
  avatar?: string | null | undefined;
  /** Up to 500 characters. */
  bio?: string | null | undefined;
  /** The language of the client as a BCP 47 tag, or nothing. */
  locale?: string | null | undefined;
}

/** Begins to write down everything personal of the account, as lines of JSON: `account_export_get` shows how far it is, and the lines. One at a time, and one a day. */
export interface StartExport {
  /** The idempotency key. */
  nonce: string;
}

/** Says whose session a token opens. */
export interface Authenticate {
  /** The token. */
  token: string;
}

/** Shows what somebody must know of the deployment before signing in. */
export type GetDeployment = Record<string, never>;

/** Shows the last export of the account, and a part of it once it is finished. */
export interface GetExport {
  /** Which part, from 0; none when absent. */
  part?: number | null | undefined;
}

/** Creates an account; the first one of a deployment administers it. */
export interface CreateAccount {
  /** The idempotency key. */
  nonce: string;
  /** 2 to 32 letters, digits, `_`, `-` or `.`; unique whatever the case. */
  name: string;
  /** 8 to 256 bytes. */
  password: string;
  /** A code that an administrator made, for the deployment or for his server, where signing up needs one: `invite_preview` says whether it is enough. */
  invite?: string | null | undefined;
  /** What the session list calls this device. */
  device?: string | null | undefined;
}

/** Signs in with a name and a password. */
export interface LogIn {
  /** The idempotency key. */
  nonce: string;
  /** The name of the account. */
  name: string;
  /** Its password. */
  password: string;
  /** What the session list calls this device. */
  device?: string | null | undefined;
}

/** Creates an account with a generated name and no password. */
export interface JoinAsGuest {
  /** The idempotency key: 16 to 64 characters by chance, as a client that repeats it within a day is this guest. */
  nonce: string;
  /** What the session list calls this device. */
  device?: string | null | undefined;
}

/** Changes the password. */
export interface ChangePassword {
  /** The idempotency key. */
  nonce: string;
  /** The password until now. */
  password: string;
  /** 8 to 256 bytes. */
  new_password: string;
  /** Whether all other sessions of the account end with it. */
  end_others?: boolean | undefined;
}

/** Gives a guest a name and a password; the account stays the same. */
export interface RegisterGuest {
  /** The idempotency key. */
  nonce: string;
  /** As for signing up. */
  name: string;
  /** 8 to 256 bytes. */
  password: string;
  /** As for signing up. */
  invite?: string | null | undefined;
}

/** Deletes the account: it leaves its servers, and nothing is left of it but its messages. Who owns a server hands it over or deletes it before, and who administers the deployment stays. */
export interface DeleteAccount {
  /** The idempotency key. */
  nonce: string;
  /** The password; guests have none. */
  password?: string | null | undefined;
}

/** Ends another session of the account. */
export interface RevokeSession {
  /** The idempotency key. */
  nonce: string;
  /** The session to end. */
  session_id: SessionId;
}

/** Lists the open sessions of the account. */
export type ListSessions = Record<string, never>;

/** Leaves the scope's server. */
export interface LeaveServer {
  /** The idempotency key. */
  nonce: string;
}

/** Changes the scope's server; what is absent stays. */
export interface UpdateServer {
  /** The idempotency key. */
  nonce: string;
  /** Up to 100 characters. */
  name?: string | null | undefined;
  /** An HTTPS address of up to 200 characters, or nothing. */
  icon?: string | null | undefined;
  /** Up to 300 characters. */
  description?: string | null | undefined;
  /** Whether everyone on the deployment finds it and may join it. */
  discoverable?: boolean | null | undefined;
}

/** Makes another member the owner of the scope's server. Only its owner may. */
export interface TransferServer {
  /** The idempotency key. */
  nonce: string;
  /** Who is to own it. */
  user_id: UserId;
}

/** Deletes the scope's server with everything in it, for everyone. Only its owner may. */
export interface DeleteServer {
  /** The idempotency key. */
  nonce: string;
  /** What the server is called: who deletes it is to know which one. */
  name: string;
}

/** Shows the scope's server as the member sees it. */
export type GetServer = Record<string, never>;

/** Lists the servers that the account is a member of. */
export type ListServers = Record<string, never>;

/** Shows servers of the account as it needs them after `ready`, up to 20 at once. Where they have many channels and overrides the answer ends sooner, and is asked for again from its `next` on. */
export interface ListOverviews {
  /** The servers, at most 20. */
  server_ids: ServerId[];
  /** Begin with this one of them, the `next` of the answer before. */
  from?: ServerId | null | undefined;
}

/** Lists the servers that everyone may find, by id. */
export interface DiscoverServers {
  /** Begin after this server. */
  after?: ServerId | null | undefined;
  /** At most 200. */
  limit?: number | null | undefined;
}

/** Creates a server with the channel "general"; its creator owns it. */
export interface CreateServer {
  /** The idempotency key. */
  nonce: string;
  /** Up to 100 characters. */
  name: string;
}

/** Becomes a member of a server that everyone may find. */
export interface JoinServer {
  /** The idempotency key. */
  nonce: string;
  /** The server. */
  server_id: ServerId;
}

/** Makes a code: for the scope's server, or with scope 0 for signing up. Who does not manage the server has at most 20 in it that still open it or are not an hour old. */
export interface CreateInvite {
  /** The idempotency key. */
  nonce: string;
  /** How often it can be redeemed; without end when absent. */
  max_uses?: number | null | undefined;
  /** For how many seconds it is valid; without end when absent. */
  expires_in?: number | null | undefined;
}

/** Makes a code useless: one's own, or any of a server that one manages. */
export interface RevokeInvite {
  /** The idempotency key. */
  nonce: string;
  /** The code. */
  code: string;
}

/** Shows what a code opens. */
export interface PreviewInvite {
  /** The code. */
  code: string;
}

/** Lists codes of the scope's server, or with scope 0 those for signing up: who manages the server sees all of them, others their own. */
export interface ListInvites {
  /** Begin after this code. */
  after?: string | null | undefined;
  /** At most 200. */
  limit?: number | null | undefined;
}

/** Lists who redeemed a code, the last one first. */
export interface ListInviteUses {
  /** The code. */
  code: string;
  /** Begin after the use of this account. */
  after?: UserId | null | undefined;
  /** At most 200. */
  limit?: number | null | undefined;
}

/** Becomes a member of the server that the code opens. Whose account it opened joins by the same use, once, even where it was the last one. */
export interface RedeemInvite {
  /** The idempotency key. */
  nonce: string;
  /** The code. */
  code: string;
}

/** Removes a member of lower rank from the scope's server; he may come back. */
export interface KickMember {
  /** The idempotency key. */
  nonce: string;
  /** The member. */
  user_id: UserId;
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Bans an account from the scope's server: a member of lower rank, or who is none, whether the account exists or not. Its membership ends, and it cannot join until the ban ends. A ban of an account that is banned replaces the one before. */
export interface BanUser {
  /** The idempotency key. */
  nonce: string;
  /** The account. */
  user_id: UserId;
  /** Why, up to 512 characters. */
  reason?: string | undefined;
  /** For how many seconds, up to ten years; for ever when absent. */
  duration?: number | null | undefined;
  /** Of how many of the last hours its messages are deleted, bit by bit: at most 168, 0 by default. This needs `MANAGE_MESSAGES` in the server, too. */
  delete_hours?: number | undefined;
}

/** Lets a banned account join again. */
export interface UnbanUser {
  /** The idempotency key. */
  nonce: string;
  /** The account. */
  user_id: UserId;
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Lets a member of lower rank only look on for some time, wherever in the scope's server. */
export interface TimeOutMember {
  /** The idempotency key. */
  nonce: string;
  /** The member. */
  user_id: UserId;
  /** For how many seconds from now, up to 28 days; 0 lets him speak again. */
  duration: number;
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Lets a member of lower rank only look on in one channel for some time. */
export interface MuteMember {
  /** The idempotency key. */
  nonce: string;
  /** The channel. */
  channel_id: ChannelId;
  /** The member. */
  user_id: UserId;
  /** For how many seconds from now: 1 second to 28 days. */
  duration: number;
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Lets a member speak in a channel again. */
export interface UnmuteMember {
  /** The idempotency key. */
  nonce: string;
  /** The channel. */
  channel_id: ChannelId;
  /** The member. */
  user_id: UserId;
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Calls a member of the scope's server something else there: oneself with `CHANGE_NICKNAME`, a member of lower rank with `MANAGE_NICKNAMES`. */
export interface SetNickname {
  /** The idempotency key. */
  nonce: string;
  /** 1 to 32 characters. */
  nickname: string;
  /** Whom; oneself when absent. */
  user_id?: UserId | null | undefined;
}

/** Calls a member of the scope's server by the name of the account again; who may is the same as for `nickname_update`. */
export interface RemoveNickname {
  /** The idempotency key. */
  nonce: string;
  /** Whom; oneself when absent. */
  user_id?: UserId | null | undefined;
}

/** Gives a member these roles in place of those before. Who gives or takes a role is above it, and above the member unless that is himself; and gives nothing that he lacks. */
export interface SetMemberRoles {
  /** The idempotency key. */
  nonce: string;
  /** The member. */
  user_id: UserId;
  /** All roles that he is to hold, besides that of everyone: at most 100. */
  roles: RoleId[];
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Gives a member roles besides those that he holds; rules as for `user_roles_set`. */
export interface AddMemberRoles {
  /** The idempotency key. */
  nonce: string;
  /** The member. */
  user_id: UserId;
  /** The roles; those that he holds already do no harm. */
  roles: RoleId[];
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Takes roles from a member; rules as for `user_roles_set`. */
export interface RemoveMemberRoles {
  /** The idempotency key. */
  nonce: string;
  /** The member. */
  user_id: UserId;
  /** The roles; those that he does not hold do no harm. */
  roles: RoleId[];
  /** Why, up to 512 characters. */
  reason?: string | undefined;
}

/** Shows a member of the scope's server. */
export interface GetMember {
  /** The member. */
  user_id: UserId;
}

/** Lists the roles of a member of the scope's server. */
export interface GetMemberRoles {
  /** The member. */
  user_id: UserId;
}

/** Lists who is banned from the scope's server, by id. */
export interface ListBans {
  /** Begin after this account. */
  after?: UserId | null | undefined;
  /** At most 200. */
  limit?: number | null | undefined;
}

/** Lists the members of the scope's server as people see them: under each hoisted role, from the highest rank down, those whose highest hoisted role it is; then all others; each by nickname or name. */
export interface ListMembers {
  /** Go on where a page ended. */
  place?: MemberPlace | null | undefined;
  /** At most 200; 100 by default. */
  limit?: number | null | undefined;
}

/** A place in a member list. Once its role is hoisted no more, it is refused as `moved`: the client begins with the first page. */
export interface MemberPlace {
  /** Under which hoisted role; absent among all others. */
  role_id: RoleId | null;
  /** Behind this name, as it is sorted, */
  name: string;
  /** and of those who have it, behind this member; absent before the first one. */
  user_id: UserId | null;
}

/** Lists the members of the scope's server, by id. */
export interface ListUsers {
  /** Begin after this account. */
  after?: UserId | null | undefined;
  /** At most 200. */
  limit?: number | null | undefined;
}

/** Shows an account: one's own, or one that shares a server with it. An administrator sees all. */
export interface GetUser {
  /** The account. */
  user_id: UserId;
}

/** Shows several accounts at once, as `user_get` shows one. */
export interface GetUsers {
  /** The accounts, at most 100. */
  user_ids: UserId[];
}

/** Finds the members of the scope's server whose name begins so; with scope 0, those who share any server with the account. */
export interface SearchUsers {
  /** What the name begins with, whatever the case: 1 to 32 characters. */
  prefix: string;
  /** Begin after the account with this name. */
  after?: string | null | undefined;
  /** At most 200. */
  limit?: number | null | undefined;
}

/** Makes a role, the lowest but that of everyone; it has to be below the highest one of its maker, and permits nothing that he lacks. */
export interface CreateRole {
  /** The idempotency key. */
  nonce: string;
  /** Up to 100 characters. */
  name: string;
  /** What it permits in the server. */
  permissions?: Permissions | undefined;
  /** Red, green and blue in 24 bits; 0 is the client's own colour. */
  colour?: number | null | undefined;
  /** Whether member lists show those who hold it on their own. */
  hoist?: boolean | undefined;
  /** Whether everyone may mention it. */
  mentionable?: boolean | undefined;
  /** Whether members may take it and leave it by themselves: it then permits, in the server and by overrides, no more than everyone has in a new server. */
  self_assignable?: boolean | undefined;
  /** Under which heading lists of roles show it, up to 100 characters; none when empty. */
  category?: string | null | undefined;
}

/** Changes a role below one's own; absent fields stay as they are. Of the role of everyone only the permissions change. */
export interface UpdateRole {
  /** The idempotency key. */
  nonce: string;
  /** The role. */
  role_id: RoleId;
  /** Up to 100 characters. */
  name?: string | null | undefined;
  /** What it permits; nobody gives or takes what he does not hold. */
  permissions?: Permissions | null | undefined;
  /** Red, green and blue in 24 bits; 0 is the client's own colour. */
  colour?: number | null | undefined;
  /** Whether member lists show those who hold it on their own. */
  hoist?: boolean | null | undefined;
  /** Whether everyone may mention it. */
  mentionable?: boolean | null | undefined;
  /** Whether members may take it and leave it by themselves: it then permits, in the server and by overrides, no more than everyone has in a new server. */
  self_assignable?: boolean | null | undefined;
  /** Under which heading lists of roles show it, up to 100 characters; none when empty. */
  category?: string | null | undefined;
}

/** Deletes a role below one's own, and what overrides say of it. */
export interface DeleteRole {
  /** The idempotency key. */
  nonce: string;
  /** The role. */
  role_id: RoleId;
}

/** Puts the roles into another order: only what is below the caller's own highest role moves. */
export interface ReorderRoles {
  /** The idempotency key. */
  nonce: string;
  /** All roles from that of everyone upwards; or one alone, which moves to `position`. */
  roles: RoleId[];
  /** Where the one role is to stand, from 1. */
  position?: number | null | undefined;
}

/** Sets what a role below one's own permits; nobody gives or takes what he does not hold. */
export interface SetRolePermissions {
  /** The idempotency key. */
  nonce: string;
  /** The role. */
  role_id: RoleId;
  /** What it permits in the server. */
  permissions: Permissions;
}

/** Takes a role that is for everyone to take. */
export interface AddSelfRole {
  /** The idempotency key. */
  nonce: string;
  /** The role. */
  role_id: RoleId;
}

/** Leaves a role that is for everyone to take. */
export interface RemoveSelfRole {
  /** The idempotency key. */
  nonce: string;
  /** The role. */
  role_id: RoleId;
}

/** Says what a role or a member may do otherwise in a channel, in place of what was said before; the others stay. `channel_updated` tells it. */
export interface SetOverride {
  /** The idempotency key. */
  nonce: string;
  /** The channel. */
  channel_id: ChannelId;
  /** Whom `target` names. */
  kind: TargetKind;
  /** The id of a role, or of a member, below one's own rank; the role of everyone has the server's id. */
  target: AnyId;
  /** Permissions given here; nobody gives or takes what he does not hold in the server. */
  allow: Permissions;
  /** Permissions taken here. */
  deny: Permissions;
}

/** Takes back what an override of a channel says of a role or a member. `channel_updated` tells it. */
export interface ClearOverride {
  /** The idempotency key. */
  nonce: string;
  /** The channel. */
  channel_id: ChannelId;
  /** Whom `target` names. */
  kind: TargetKind;
  /** The id of a role, or of a member, below one's own rank. */
  target: AnyId;
}

/** Lists the roles of the scope's server. */
export type ListRoles = Record<string, never>;

/** Shows what a role permits in the server. */
export interface GetRolePermissions {
  /** The role. */
  role_id: RoleId;
}

/** Lists the roles that are for everyone to take, and which of them the caller holds. */
export type ListSelfRoles = Record<string, never>;

/** Says which role, override or silence gave or took each permission of a member. */
export interface ExplainPermissions {
  /** In this channel, which the caller sees; in the server as a whole when absent. */
  channel_id?: ChannelId | null | undefined;
  /** Of this member, his silences among it, which needs `MANAGE_ROLES`; of the caller when absent. */
  user_id?: UserId | null | undefined;
}

/** Creates a channel in the scope's server. */
export interface CreateChannel {
  /** The idempotency key. */
  nonce: string;
  /** Up to 100 characters. */
  name: string;
  /** What it is about, up to 1,024 characters. */
  topic?: string | null | undefined;
  /** Who may do otherwise here; needs `MANAGE_ROLES`, and gives nothing that the creator lacks. */
  overrides?: Override[] | undefined;
  /** What it is for; it stays so. */
  kind?: ChannelKind | undefined;
  /** The category that it is to stand in; a category stands in none. */
  parent_id?: ChannelId | null | undefined;
  /** How many seconds a member waits between two messages, up to 21,600: six hours. */
  slow_mode?: number | undefined;
}

/** What a role or a member may do otherwise in one channel. */
export interface Override {
  /** Whom `target` names. */
  kind: TargetKind;
  /** The id of the role or of the member; the role of everyone has the server's id. */
  target: AnyId;
  /** Permissions given here. */
  allow: Permissions;
  /** Permissions taken here, unless an override of the same rank allows them. */
  deny: Permissions;
}

/** Changes a channel; absent fields stay as they are. */
export interface UpdateChannel {
  /** The idempotency key. */
  nonce: string;
  /** The channel. */
  channel_id: ChannelId;
  /** Up to 100 characters. */
  name?: string | null | undefined;
  /** Up to 1,024 characters. */
  topic?: string | null | undefined;
  /** Where it is to stand among the others, from 0. */
  position?: number | null | undefined;
  /** All overrides, in place of those before; needs `MANAGE_ROLES`. */
  overrides?: Override[] | null | undefined;
  /** How many seconds a member waits between two messages, up to 21,600; 0 is not at all. What was sent before does not count. */
  slow_mode?: number | null | undefined;
}

/** Deletes a channel with all that was said in it. */
export interface DeleteChannel {
  /** The idempotency key. */
  nonce: string;
  /** The channel. */
  channel_id: ChannelId;
}

/** Puts a channel elsewhere; the others make room, so that positions are dense. */
export interface MoveChannel {
  /** The idempotency key. */
  nonce: string;
  /** The channel. */
  channel_id: ChannelId;
  /** Its place among all channels of the server, from 0; beyond the last one, it is the last. */
  position: number;
  /** The category that it stands in from now on; none where it stands by itself. */
  parent_id?: ChannelId | null | undefined;
}

/** Lists the channels of the scope's server that the member sees. */
export type GetChannels = Record<string, never>;

/** Sends a message to a channel. */
export interface NewMessage {
  /** The idempotency key. */
  nonce: string;
  /** Where it goes. */
  channel_id: ChannelId;
  /** Up to 2,000 characters. */
  content: string;
  /** The message of the same channel that it answers. */
  reply_to?: MessageId | null | undefined;
  /** Whether the author of the message that it answers is not mentioned by that. */
  silent_reply?: boolean | undefined;
}

/** Changes one's own message. */
export interface EditMessage {
  /** The idempotency key. */
  nonce: string;
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** What it is to say. */
  content: string;
}

/** Deletes one's own message, or with `MANAGE_MESSAGES` any. */
export interface DeleteMessage {
  /** The idempotency key. */
  nonce: string;
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
}

/** Pins a message; one that is pinned already stays as it is. */
export interface PinMessage {
  /** The idempotency key. */
  nonce: string;
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
}

/** Unpins a message; one that is not pinned stays as it is. */
export interface UnpinMessage {
  /** The idempotency key. */
  nonce: string;
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
}

/** Reacts to a message; who has reacted so already changes nothing. */
export interface AddReaction {
  /** The idempotency key. */
  nonce: string;
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** One Unicode emoji. A message has at most 20 different ones. */
  emoji: string;
}

/** Takes a reaction away: one's own, or with `MANAGE_MESSAGES` anybody's. One that is not there changes nothing. */
export interface RemoveReaction {
  /** The idempotency key. */
  nonce: string;
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** The emoji. */
  emoji: string;
  /** Whose; one's own when absent. */
  user_id?: UserId | null | undefined;
}

/** Deletes up to 100 messages at once; those that are not there are left out. */
export interface DeleteMessages {
  /** The idempotency key. */
  nonce: string;
  /** Where they are. */
  channel_id: ChannelId;
  /** The messages. */
  message_ids: MessageId[];
}

/** Shows one message. */
export interface GetMessage {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
}

/** Shows a page of history, oldest first: the last messages, or those next to a place. */
export interface GetMessages {
  /** Where. */
  channel_id: ChannelId;
  /** Only messages with a lower `seq`, the nearest ones. */
  before?: number | null | undefined;
  /** Only messages with a higher `seq`, the nearest ones. */
  after?: number | null | undefined;
  /** At most 200; 50 when absent. A page ends before that where its texts would be more than 256 KiB. */
  limit?: number | null | undefined;
}

/** Lists the pinned messages of a channel, the last pinned first. */
export interface ListPins {
  /** Where. */
  channel_id: ChannelId;
  /** Only what was pinned before the pin with this `place`. */
  before?: number | null | undefined;
  /** At most 200; 50 when absent. A page ends before that where its texts would be more than 256 KiB. */
  limit?: number | null | undefined;
}

/** Lists who reacted to a message with one emoji, by id. */
export interface ListReactors {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** The emoji. */
  emoji: string;
  /** Only accounts with a higher id. */
  after?: UserId | null | undefined;
  /** At most 200; 50 when absent. */
  limit?: number | null | undefined;
}

/** Lists what one's own message said before its edits, or with `MANAGE_MESSAGES` anybody's: the last version first. */
export interface ListVersions {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** Only versions before the one with this `place`. */
  before?: number | null | undefined;
  /** At most 200; 50 when absent. A page ends before that where its texts would be more than 256 KiB. */
  limit?: number | null | undefined;
}

/** Shows a message among those before and after it. */
export interface GetMessagesAround {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message in the middle. */
  message_id: MessageId;
  /** How many on each side, at most 100; 25 when absent. There are fewer where their texts would be more than 128 KiB. */
  limit?: number | null | undefined;
}

/** Shows a page of the messages that answer one, oldest first; also where that was deleted. */
export interface GetReplies {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message that they answer. */
  message_id: MessageId;
  /** Only messages with a higher `seq`. */
  after?: number | null | undefined;
  /** At most 200; 50 when absent. A page ends before that where its texts would be more than 256 KiB. */
  limit?: number | null | undefined;
}

/** Tells the channel that the member is typing, for the next 8 seconds; one that has no messages refuses it as `wrong_kind`. */
export interface SignalTyping {
  /** Where. */
  channel_id: ChannelId;
}

/** Reads a channel up to a message; a place that lies before where the cursor stands changes nothing. */
export interface AckUnread {
  /** The channel; one that the account does not see is remembered and not shown. */
  channel_id: ChannelId;
  /** The `seq` of the last message read; 0 is the beginning. */
  seq: number;
}

/** Puts the cursor of a channel anywhere, back as well: marks what follows as unread. */
export interface MarkUnread {
  /** The channel. */
  channel_id: ChannelId;
  /** The `seq` of the last message that counts as read. */
  seq: number;
  /** The version of the cursor that this client saw, 0 if it saw none; refused as `moved` if it is another one now. */
  seen: number;
}

/** Shows how much is unread in the channels that the account sees and has a cursor in, page by page. */
export interface GetUnreads {
  /** Only cursors that were moved after this register version. */
  newer_than?: number | null | undefined;
  /** Goes on behind the page whose `next` this was. */
  after?: ChannelId | null | undefined;
  /** Cursors that are looked at for one page, at most 200; 200 when absent. */
  limit?: number | null | undefined;
}

/** Counts how much is unread in each server of the account, page by page. */
export interface CountUnreads {
  /** Goes on behind the page whose `next` this was. */
  after?: ServerId | null | undefined;
  /** Servers that are looked at for one page, at most 20; 20 when absent. */
  limit?: number | null | undefined;
}

/** Shows the messages that mention the account, a role that it holds, or everyone, the newest first: of all its servers, where it may read the history now. */
export interface ListMentions {
  /** Only older messages than this: goes on behind the page whose `next` this was. */
  before?: MessageId | null | undefined;
  /** Messages of one page, at most 200; 50 when absent. A page ends before that where its texts would be more than 256 KiB. */
  limit?: number | null | undefined;
}

/** Shows what is left of each limited bucket of the account, without drawing from any. */
export type GetRateLimits = Record<string, never>;

/** Makes all buckets of an account whole, and ends its cooldowns. Nothing of it is stored, so it may be repeated. */
export interface ResetRateLimits {
  /** Whose; one that does not exist has nothing to reset. */
  user_id: UserId;
}

/** Looks for messages, the newest first: in the server of the scope, or with scope 0 in every server of the account; in both, where the account may read the history now. An answer takes a quarter of a second at most and may have few messages or none: `next` says how far it looked. */
export interface SearchMessages {
  /** What is looked for, as a person writes it: words, `"quoted texts"`, and `from:ID`, `in:ID`, `mentions:ID`, `has:link`, `is:pinned`, `before:2026-03-01`, `after:2026-03-01`. */
  query?: string | undefined;
  /** The same as values; what both say must hold. */
  filter?: SearchFilter | null | undefined;
  /** Only older messages than this: goes on where an answer ended whose `next` it was. */
  before?: MessageId | null | undefined;
  /** At most 200; 25 when absent. An answer ends before that where its texts would be more than 256 KiB. */
  limit?: number | null | undefined;
}

/** What is looked for; all of it must hold. */
export interface SearchFilter {
  /** Texts that the message contains, each of them, in whatever case. */
  words?: string[] | undefined;
  /** Only messages of one of these accounts, if any is named. */
  from?: UserId[] | undefined;
  /** Only messages of one of these channels, if any is named. */
  channels?: ChannelId[] | undefined;
  /** Only messages that have one of these, if any is named. */
  has?: Has[] | undefined;
  /** Only messages that were sent before this moment, in milliseconds since 1970. */
  before?: number | null | undefined;
  /** Only messages that were sent then or later, in milliseconds since 1970. */
  after?: number | null | undefined;
  /** Only messages that mention one of these accounts or roles, if any is named; the role of everyone has the server's id. */
  mentions?: AnyId[] | undefined;
  /** Only messages that are pinned. */
  pinned?: boolean | undefined;
}

/** Sets the status of the account, in place of what it was on any device. */
export interface SetStatus {
  /** The idempotency key. */
  nonce: string;
  /** What to be shown as. */
  status: StatusKind;
  /** Up to 100 characters; none or empty for no text. */
  text?: string | null | undefined;
  /** When it goes back to online without a text, in milliseconds since 1970. */
  until?: number | null | undefined;
}

/** Shows the account's own status. */
export type GetStatus = Record<string, never>;

/** Shows who of these members of the scope's server is there. */
export interface GetPresences {
  /** At most 200; those who are no members are left out. */
  user_ids: UserId[];
}

/** Shows the same, and has this connection told of changes by `presence_changed` from then on: in place of whom it watched in this server before. Over HTTP nobody is told. */
export interface WatchPresences {
  /** At most 200; those who are no members are left out. None ends the watch. */
  user_ids: UserId[];
}

/** Lists the members of the scope's server that look online, as a member list shows them: those of each hoisted role, from the highest rank down, then all others, each group by nickname or name. */
export interface ListOnline {
  /** Go on where a page ended. */
  place?: MemberPlace | null | undefined;
  /** At most 200; 100 by default. */
  limit?: number | null | undefined;
}

/** Has this device told by web push, as long as its session lasts. One address belongs to one account: who subscribes it takes it from the account that had it. The same address once more is a new device, with another id. Refused as `switched_off` without keys, as `forbidden` at a push service that is not permitted, as `limit_reached` beyond 20 devices.  A push is JSON: `{"kind":"test"}`, or `{"kind":"message"}` with `reason`, a `NotificationReason`, and `server_id`, `channel_id` and `message_id` as text; unless the account is private also with `server`, `channel`, `author` and `text`, which has names for mentions and is cut to fit. It may have no body, come twice, or behind a newer one of its channel: then the larger `message_id` counts. Of a kind that a client does not know it shows that there is something. */
export interface SubscribePush {
  /** The idempotency key. */
  nonce: string;
  /** Where the browser's push service takes pushes for it: an address of https, at most 2,048 characters. */
  endpoint: string;
  /** The browser's public key: an uncompressed point of P-256 in base64url. */
  p256dh: string;
  /** What the browser shares with who sends: 16 bytes in base64url. */
  auth: string;
  /** What the list calls the device: one line of at most 100 characters. */
  name: string;
  /** The key that `push_get_vapid` showed when the browser subscribed; that of now when absent. */
  key?: string | null | undefined;
}

/** Has a device told no more. */
export interface UnsubscribePush {
  /** The idempotency key. */
  nonce: string;
  /** The device, as the list shows it. */
  device_id?: PushDeviceId | null | undefined;
  /** In place of it: the address that this device subscribed. */
  endpoint?: string | null | undefined;
}

/** Sends a push to each device of the account, or to one, at once: so that somebody sees whether it comes. */
export interface TestPush {
  /** The idempotency key. */
  nonce: string;
  /** Only this device; `unknown_item` where it is off or gone. */
  device_id?: PushDeviceId | null | undefined;
}

/** Switches a device of the account off, from any session, or on again. It stays subscribed, and off where its browser subscribes the same address again; another address is another device, and that is on. */
export interface SetPushDevice {
  /** The idempotency key. */
  nonce: string;
  /** The device, as the list shows it. */
  device_id: PushDeviceId;
  /** Whether nothing is sent to it from now on. */
  off: boolean;
}

/** Shows the key by which a browser subscribes; refused as `switched_off` where the deployment has none. */
export type GetVapid = Record<string, never>;

/** Lists the devices of the account that are told by web push. */
export type ListPushDevices = Record<string, never>;

/** Sets what the account wants to be told of in all servers, in a server, in the channels of a category, or in a channel. */
export interface SetNotificationLevel {
  /** The server, category or channel; none for all servers. */
  scope_id: AnyId | null;
  /** What to be told of; none is as the wider scope says, and mentions where none says it. Of all messages in all servers only those with up to 1,000 members tell: in larger ones it is asked for in the server. */
  level: NotificationLevel | null;
  /** Until when nothing is told, in milliseconds since 1970, kept to the second. */
  muted_until: number | null;
  /** Whether calls of everyone do not count; heeded for servers. */
  no_everyone: boolean;
  /** The version of the setting that this client saw, 0 if it saw none; refused as `moved` if it is another one now. */
  seen: number;
}

/** Sets how the account is told, in place of what it was. */
export interface SetNotifications {
  /** The idempotency key. */
  nonce: string;
  /** When nothing is told; none for never. */
  quiet: QuietHours | null;
  /** Words that call upon the account wherever it may read them: up to 20, of up to 64 characters, each a word or several that follow each other. */
  keywords: string[];
  /** Whether devices are told that there is something, and not what. */
  private: boolean;
}

/** Hours of each day in which nothing is told. */
export interface QuietHours {
  /** The minute of the day at which they begin, up to 1,439. */
  from: number;
  /** The minute of the day at which they end, of the next day where it is the lower one. */
  to: number;
  /** Where the clock stands that counts: a zone of the IANA database, such as `Europe/Berlin`. */
  zone: string;
}

/** Shows what the account set for servers, categories and channels, page by page; whether it still sees them or not. */
export interface ListNotificationLevels {
  /** Only settings that were changed after this register version. */
  newer_than?: number | null | undefined;
  /** Goes on behind the page whose `next` this was. */
  after?: AnyId | null | undefined;
  /** Settings of one page besides that of all servers, at most 200; 200 when absent. */
  limit?: number | null | undefined;
}

/** Shows how the account is told. */
export type GetNotifications = Record<string, never>;

/** Shows whether the account would be told of a message, why, and what became of it: by the very rules that decide it, as they are now. */
export interface ExplainNotification {
  /** Where the message is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
}

/** Answers with the time of the worker. */
export type Ping = Record<string, never>;

/** Reports a message to those who moderate. What it says now is kept with the report, whatever its author does with it. Nobody is told: `reports_list` shows it. */
export interface ReportMessage {
  /** The idempotency key. */
  nonce: string;
  /** Where the message is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** What is wrong with it. */
  category: ReportCategory;
  /** What else there is to say, in up to 1,000 characters. */
  text?: string | undefined;
}

/** Resolves a report, for who may list it. Nobody but the owner resolves one about himself. */
export interface ResolveReport {
  /** The idempotency key. */
  nonce: string;
  /** The report. */
  report_id: ReportId;
  /** What becomes of it. */
  resolution: Resolution;
  /** Why, in up to 512 characters. */
  note?: string | undefined;
}

/** Makes a rule. It looks at new and at changed messages, but not at those of who holds `MANAGE_MESSAGES` in their channel. One that silences needs `TIMEOUT_MEMBERS`, too. */
export interface CreateRule {
  /** The idempotency key. */
  nonce: string;
  /** What it is. */
  settings: RuleSettings;
}

/** What a rule is. */
export interface RuleSettings {
  /** Up to 100 characters; authors of refused messages are told. */
  name: string;
  /** What it looks for. */
  kind: RuleKind;
  /** What it does; a `raid` always locks the server. */
  action: RuleAction;
  /** Whether it does anything. */
  enabled: boolean;
  /** Words, or the hosts that links may lead to: up to 64 bytes each, and 1,000 in all rules of a server. */
  words?: string[] | undefined;
  /** How many are no fault, 1 to 500. */
  limit?: number | undefined;
  /** In how many seconds, 1 to 86,400. */
  seconds?: number | undefined;
  /** For how many seconds a raid locks the server, 1 to 86,400. */
  lock_seconds?: number | undefined;
  /** Whose members it leaves alone, at most 50. */
  exempt_roles?: RoleId[] | undefined;
  /** Where it does not look, at most 50. */
  exempt_channels?: ChannelId[] | undefined;
  /** For how many seconds an author is silenced, 1 to 2,419,200 (28 days). */
  timeout_seconds?: number | undefined;
}

/** Makes another rule of it. One that silences needs `TIMEOUT_MEMBERS`, too. */
export interface UpdateRule {
  /** The idempotency key. */
  nonce: string;
  /** The rule. */
  rule_id: RuleId;
  /** All that it is now. */
  settings: RuleSettings;
}

/** Deletes a rule. */
export interface DeleteRule {
  /** The idempotency key. */
  nonce: string;
  /** The rule. */
  rule_id: RuleId;
}

/** Locks the scope's server down, or opens it again: where neither joining nor sending is forbidden. */
export interface SetLockdown {
  /** The idempotency key. */
  nonce: string;
  /** Whether nobody may join. */
  no_joining?: boolean | undefined;
  /** Only who holds this role, or manages messages, may send. */
  speakers?: RoleId | null | undefined;
  /** After how many seconds it ends by itself, 1 to 2,592,000 (30 days). */
  seconds?: number | null | undefined;
  /** Why, for the audit log, in up to 512 characters. */
  reason?: string | undefined;
}

/** Shows a page of the audit log of the scope's server, newest first. */
export interface GetModlog {
  /** Only what is older than this entry. */
  before?: EntryId | null | undefined;
  /** At most 100; 50 when absent. */
  limit?: number | null | undefined;
  /** Only what this account did. */
  actor_id?: UserId | null | undefined;
  /** Only what was done to this member, role, channel, message, report or rule. */
  target_id?: AnyId | null | undefined;
  /** Only this. */
  action?: Action | null | undefined;
}

/** Counts the audit log of the scope's server by action and by actor. */
export interface SummarizeModlog {
  /** Of how many days before now, 1 to 90; 30 when absent. */
  days?: number | null | undefined;
}

/** Lists reports of the scope's server, newest first, for who holds `VIEW_AUDIT_LOG` or `MANAGE_MESSAGES` in it. Nobody but the owner finds those about himself. */
export interface ListReports {
  /** Those that are resolved instead of those that are open. */
  resolved?: boolean | undefined;
  /** Only what is older than this report. */
  before?: ReportId | null | undefined;
  /** At most 100; 50 when absent. */
  limit?: number | null | undefined;
}

/** Lists the rules of the scope's server, at most 50. Nobody is told when they change. */
export type ListRules = Record<string, never>;

/** Says what rules would do, and does nothing: those of the server that are enabled, or one that is not made yet. What depends on who says something, and when, is not tried. */
export interface TestRules {
  /** A text to look at. */
  text?: string | null | undefined;
  /** Looks at the last 200 messages of this channel, too; needs `READ_HISTORY` there. */
  channel_id?: ChannelId | null | undefined;
  /** The only rule to try. */
  settings?: RuleSettings | null | undefined;
}

/** Shows who runs the deployment, how much it holds and what waits, without reading what it counts. */
export type GetDeploymentStatus = Record<string, never>;

/** Opens a session (opcode 4). */
export interface Identify {
  /** The token that signing in answered with; empty where it is in the cookie of a page. */
  token: string;
}

/** Opens a session and replays what was missed (opcode 5). */
export interface Resume {
  /** The token that signing in answered with; empty where it is in the cookie of a page. */
  token: string;
  /** The log that the places belong to, as `ready` named it. */
  epoch: string;
  /** The last event seen of each topic. */
  topics: TopicSeq[];
}

/** A place in a topic. A topic's number is the id of its server, or of the account. */
export interface TopicSeq {
  /** The server or the account. */
  topic: AnyId;
  /** Everything up to this event was seen. */
  seq: number;
}

/** Still there (opcode 7); the gateway answers with the same number. */
export interface Heartbeat {
  /** Any number. */
  number: number;
  /** Whether nobody uses this device now; none changes nothing. An account looks idle where all of its sessions say so. */
  idle?: boolean | null | undefined;
}

/** Everything personal of an account, as it was when it was written down. */
export interface Export {
  /** When it was begun, in milliseconds since 1970. */
  started_at: number;
  /** When it was finished; absent as long as it is written. */
  finished_at: number | null;
  /** Until when it can be fetched, in milliseconds since 1970: seven days from its end; 0 as long as it is written. */
  expires_at: number;
  /** Its parts, each of up to 64 KiB or one longer line. */
  parts: number;
  /** How many bytes they have together. */
  bytes: number;
  /** Whether it ended at 256 MiB, so that something is missing. */
  cut: boolean;
}

/** Whose session a token opens. */
export interface Identity {
  /** The person. */
  user: User;
  /** The session. */
  session_id: SessionId;
}

/** What others see of an account. */
export interface User {
  /** The account. */
  user_id: UserId;
  /** Its name. */
  name: string;
  /** Whether it was made without a password. */
  guest: boolean;
  /** Whether it administers the deployment. */
  admin: boolean;
  /** Where its picture is: an HTTPS address, or nothing. */
  avatar: string;
  /** Whether it was deleted: then nothing else is known of it. */
  deleted: boolean;
}

/** The deployment, for anyone. */
export interface Deployment {
  /** What it is called. */
  name: string;
  /** Who may create an account. */
  signup: SignUp;
  /** Whether people may come in as guests. */
  guests: boolean;
  /** Whether nobody has signed up yet: the first account administers it, and needs no code. */
  empty: boolean;
}

/** An export, and a part of it. */
export interface ExportPart {
  /** The export. */
  export: Export;
  /** Whole lines, each an object whose `kind` says what it is. Absent as long as it is written, and when no part was asked for. */
  lines: string | null;
}

/** A session was opened. */
export interface SignedIn {
  /** Opens the session on any gateway; who has it is this person. */
  token: string;
  /** Who signed in. */
  user: User;
  /** The session. */
  session_id: SessionId;
}

/** The open sessions, oldest first. */
export interface Sessions {
  /** The sessions. */
  sessions: SessionInfo[];
}

/** One session of an account. */
export interface SessionInfo {
  /** The session; its id tells when it was opened. */
  session_id: SessionId;
  /** What the device called itself. */
  device: string;
}

/** A server as a member sees it. */
export interface ServerInfo {
  /** The server. */
  server: Server;
  /** Its roles, from that of everyone upwards. */
  roles: Role[];
  /** The channels that the member sees. */
  channels: Channel[];
  /** How it is locked down; absent where it is not. */
  lockdown: Lockdown | null;
}

/** A server. */
export interface Server {
  /** The server. */
  server_id: ServerId;
  /** What it is called. */
  name: string;
  /** Who owns it. */
  owner_id: UserId;
  /** Where its picture is: an HTTPS address, or nothing. */
  icon: string;
  /** What it is about, in up to 300 characters. */
  description: string;
  /** Whether everyone on the deployment finds it and may join it. */
  discoverable: boolean;
}

/** A role. */
export interface Role {
  /** The role; the role of everyone has the server's id. */
  role_id: RoleId;
  /** What it is called. */
  name: string;
  /** What it permits in the server. */
  permissions: Permissions;
  /** Its rank: a higher one is above a lower one, that of everyone is 0. Dense: no two roles have the same. */
  position: number;
  /** Red, green and blue in 24 bits; the client's own colour when absent. */
  colour: number | null;
  /** Whether member lists show those who hold it on their own. */
  hoist: boolean;
  /** Whether everyone may mention it. */
  mentionable: boolean;
  /** Whether members may take it and leave it by themselves. */
  self_assignable: boolean;
  /** Under which heading lists of roles show it. */
  category: string | null;
}

/** A channel. */
export interface Channel {
  /** The channel. */
  channel_id: ChannelId;
  /** What it is called. */
  name: string;
  /** What it is about; may be empty. */
  topic: string;
  /** Where it stands among the others, from 0. */
  position: number;
  /** Who may do otherwise here. */
  overrides: Override[];
  /** How many messages it has had: the `seq` of the last one. */
  last_seq: number;
  /** Its last message. */
  last_message_id: MessageId | null;
  /** What it is for. */
  kind: ChannelKind;
  /** The category that it stands in, which not everybody may see who sees the channel. */
  parent_id: ChannelId | null;
  /** How many seconds a member waits between two messages; 0 is not at all. Who changes a message need not wait. */
  slow_mode: number;
}

/** How a server is locked down. */
export interface Lockdown {
  /** Whether nobody joins. */
  no_joining: boolean;
  /** Only who holds this role, or manages messages, may send; absent where everyone may. */
  speakers: RoleId | null;
  /** When it ends by itself, in milliseconds since 1970; absent where somebody has to end it. */
  until: number | null;
}

/** The servers of an account, by id. */
export interface Servers {
  /** The servers. */
  servers: Server[];
}

/** The servers that the account is a member of, by id; others are missing. */
export interface Overviews {
  /** The servers. */
  servers: Overview[];
  /** Where to go on; absent when this was all. */
  next: ServerId | null;
}

/** All that a client needs to show a server, of one moment. */
export interface Overview {
  /** The server, its roles and the channels that the member sees. */
  info: ServerInfo;
  /** The account's own membership. */
  member: Member;
  /** The last event of the server's topic that all this holds. */
  head: number;
  /** The last event that changed what permissions depend on. */
  rights_version: number;
}

/** A member of a server. */
export interface Member {
  /** The account. */
  user: User;
  /** The roles held, besides that of everyone. */
  roles: RoleId[];
  /** What he is called in this server, in place of the name of the account. */
  nickname: string | null;
  /** When he became a member, in milliseconds since 1970; absent where that was not kept yet. */
  joined_at: number | null;
  /** Until when he may only look on, in milliseconds since 1970; absent when he may speak. */
  timeout_until: number | null;
}

/** A page of servers that everyone may find. */
export interface DiscoveredServers {
  /** The servers. */
  servers: DiscoveredServer[];
}

/** A server that everyone may find. */
export interface DiscoveredServer {
  /** The server. */
  server: Server;
  /** How many members it has. */
  member_count: number;
}

/** A code was made. */
export interface InviteCreated {
  /** The code. */
  code: string;
}

/** What a code opens. */
export interface InvitePreview {
  /** The server; none when the code is for signing up. */
  server: Server | null;
  /** How often it can still be redeemed; without end when absent. */
  uses_left: number | null;
  /** Until when it is valid, in milliseconds since 1970; without end when absent. */
  expires_at: number | null;
  /** Whether who has no account may sign up with it: where signing up needs a code, one that an administrator of the deployment made, for it or for a server of his own. */
  opens_account: boolean;
}

/** A page of codes, in the order of their characters. */
export interface Invites {
  /** The codes. */
  invites: Invite[];
}

/** A code and what became of it. */
export interface Invite {
  /** The code. */
  code: string;
  /** Who made it. */
  creator_id: UserId;
  /** When it was made, in milliseconds since 1970. */
  created_at: number;
  /** How often it was redeemed. */
  uses: number;
  /** How often it can be redeemed in all; without end when absent. */
  max_uses: number | null;
  /** Until when it is valid, in milliseconds since 1970; without end when absent. */
  expires_at: number | null;
  /** Whether it was revoked. */
  revoked: boolean;
}

/** A page of uses. */
export interface InviteUses {
  /** The uses. */
  uses: InviteUse[];
}

/** Somebody redeemed a code. */
export interface InviteUse {
  /** Who. */
  user: User;
  /** When he last did, in milliseconds since 1970. */
  used_at: number;
}

/** A member, as one other member sees him. */
export interface ShownMember {
  /** The member. */
  member: Member;
  /** The channels where he may only look on, of those that the asker sees: for himself and for those who may silence him. */
  mutes: Mute[];
}

/** A channel in which a member may only look on. */
export interface Mute {
  /** The channel. */
  channel_id: ChannelId;
  /** Until when, in milliseconds since 1970. */
  until: number;
}

/** The roles of a member. */
export interface MemberRoles {
  /** The roles, besides that of everyone. */
  roles: RoleId[];
}

/** A page of bans. */
export interface Bans {
  /** The bans. */
  bans: Ban[];
}

/** A banned account. */
export interface Ban {
  /** The account. Of one that never was a member nothing but its id is said; its name is empty. */
  user: User;
  /** Why, by whom and until when. */
  terms: BanTerms;
}

/** What a ban says. */
export interface BanTerms {
  /** Why; may be empty. */
  reason: string;
  /** Who banned; absent where a rule did. */
  banned_by: UserId | null;
  /** When, in milliseconds since 1970. */
  banned_at: number;
  /** Until when; for ever when absent. */
  until: number | null;
}

/** A page of a member list. */
export interface MemberPage {
  /** The members; fewer than asked for where many were passed over, as they stand elsewhere. */
  members: Member[];
  /** Where the page ended; absent when there are no more. */
  next: MemberPlace | null;
}

/** A page of members. */
export interface Users {
  /** The members. */
  members: Member[];
}

/** An account with what it says of itself. */
export interface Profile {
  /** The account. */
  user: User;
  /** Up to 500 characters about itself. */
  bio: string;
  /** The language of its client as a BCP 47 tag; nothing for everyone but the account itself. */
  locale: string;
}

/** The accounts that were found, by id; those that the asker may not see are missing. */
export interface FoundUsers {
  /** The accounts. */
  users: User[];
}

/** A page of what was searched for, by name. */
export interface SearchedUsers {
  /** The accounts. */
  users: User[];
  /** Whether more of the same are behind the last one, or the search ended early because the names of too many others begin so: then a longer prefix finds them. */
  more: boolean;
}

/** A role was made. */
export interface RoleCreated {
  /** The role. */
  role: Role;
  /** All roles from that of everyone upwards: the place of each is its position now. */
  order: RoleId[];
}

/** A role was changed. Who sees other channels for it gets `sight`, too. */
export interface RoleUpdated {
  /** The role as it is now. */
  role: Role;
}

/** The roles that the caller holds. */
export interface OwnRoles {
  /** The roles, besides that of everyone. */
  roles: RoleId[];
}

/** Roles of a server, from that of everyone upwards: at most 250 besides it. */
export interface Roles {
  /** The roles. */
  roles: Role[];
}

/** What a role permits in the server. */
export interface RolePermissions {
  /** The role. */
  role_id: RoleId;
  /** What it permits. */
  permissions: Permissions;
}

/** The roles that are for everyone to take. */
export interface SelfRoles {
  /** The roles, from the lowest upwards. */
  roles: Role[];
  /** Those of them that the caller holds. */
  held: RoleId[];
}

/** What a member may do, and why. */
export interface PermissionsExplained {
  /** What he may do. */
  permissions: Permissions;
  /** How it was decided, in order: the last step that names a permission decided about it, and what none names nobody gave. */
  steps: Step[];
}

/** One step of a decision: it takes `deny` from what is held so far, or adds `allow`. */
export interface Step {
  /** What decides. */
  cause: Cause;
  /** The role that is meant. */
  role_id: RoleId | null;
  /** The member whom an override names. */
  user_id: UserId | null;
  /** What it gives. */
  allow: Permissions;
  /** What it takes. */
  deny: Permissions;
}

/** A channel was created. */
export interface ChannelCreated {
  /** The channel. */
  channel: Channel;
}

/** The channels that the member sees, by position. */
export interface Channels {
  /** The channels. */
  channels: Channel[];
}

/** A message was stored. */
export interface MessageSent {
  /** The message; its id tells when it was sent. */
  message_id: MessageId;
  /** Its place in the channel, from 1 without holes. */
  seq: number;
}

/** Several messages were deleted at once. */
export interface MessagesDeleted {
  /** Where they were. */
  channel_id: ChannelId;
  /** Those that were there. */
  message_ids: MessageId[];
}

/** A message. */
export interface Message {
  /** The message; its id tells when it was sent. */
  message_id: MessageId;
  /** Its place in the channel, from 1 without holes. */
  seq: number;
  /** Who sent it. */
  author_id: UserId;
  /** What it says. */
  content: string;
  /** The message that it answers. */
  reply_to: MessageId | null;
  /** When it was last changed, in milliseconds since 1970. */
  edited_at: number | null;
  /** The accounts and roles that it mentions, by id; the role of everyone has the server's id. */
  mentions: AnyId[];
  /** Whether it is pinned. */
  pinned: boolean;
  /** How people reacted to it, the first reaction first. */
  reactions: Reaction[];
}

/** How many reacted to a message with one emoji. */
export interface Reaction {
  /** The emoji. */
  emoji: string;
  /** How many reacted with it. */
  count: number;
  /** Whether the reader did. */
  me: boolean;
}

/** A page of history, oldest first; deleted messages leave a hole in `seq`. */
export interface Messages {
  /** The messages. */
  messages: Message[];
  /** Whether the page ended because of its size: more follow in the same direction. */
  more: boolean;
}

/** A page of pinned messages, the last pinned first. */
export interface PinnedMessages {
  /** The pins. */
  pins: Pin[];
  /** Whether the page ended because of its size. */
  more: boolean;
}

/** A pinned message. */
export interface Pin {
  /** The message. */
  message: Message;
  /** Who pinned it. */
  user_id: UserId;
  /** When, in milliseconds since 1970. */
  pinned_at: number;
  /** Rises with each pin of the channel. */
  place: number;
}

/** A page of those who reacted, by id. */
export interface Reactors {
  /** Who reacted. */
  user_ids: UserId[];
}

/** A page of versions, the last first. */
export interface MessageVersions {
  /** The versions; none of a message that was never edited. */
  versions: Version[];
  /** Whether the page ended because of its size. */
  more: boolean;
}

/** What a message said before an edit. */
export interface Version {
  /** The text. */
  content: string;
  /** When it was replaced, in milliseconds since 1970. */
  replaced_at: number;
  /** Rises with each version of the message. */
  place: number;
}

/** A message among others, oldest first. */
export interface MessagesAround {
  /** The messages. */
  messages: Message[];
  /** Whether there are older ones. */
  more_before: boolean;
  /** Whether there are newer ones. */
  more_after: boolean;
}

/** How far a channel is read. */
export interface ReadCursor {
  /** The channel. */
  channel_id: ChannelId;
  /** The `seq` of the last message read. */
  seq: number;
  /** The register version that the cursor's last change made. */
  version: number;
}

/** A page of what is unread, by channel. */
export interface Unreads {
  /** The channels; of a page that is not the last one there may be few, or none. */
  unreads: Unread[];
  /** The account's register version. That of the first page counts: what was moved up to there is in the pages. */
  version: number;
  /** The `after` of the next page; none behind the last one. */
  next: ChannelId | null;
}

/** How much is unread in one channel. */
export interface Unread {
  /** The channel's server. */
  server_id: ServerId;
  /** How far it is read. */
  cursor: ReadCursor;
  /** The `seq` of its last message. */
  last_seq: number;
  /** How many messages came after the cursor. */
  unread: number;
}

/** A page of counts, by server. */
export interface UnreadCounts {
  /** The servers in which something is unread. */
  servers: ServerUnread[];
  /** Whether only the newest 1,000 mentions of this page's servers, and of the account itself, were looked at, and there are older ones. */
  more_mentions: boolean;
  /** The `after` of the next page; none behind the last one. */
  next: ServerId | null;
}

/** How much is unread in one server. */
export interface ServerUnread {
  /** The server. */
  server_id: ServerId;
  /** Channels with messages behind the account's cursor; where it has none, nothing counts. */
  channels: number;
  /** These messages. */
  messages: number;
  /** Messages not read that mention the account, a role that it holds, or everyone; as `pings_get` shows them, also where it has no cursor. */
  mentions: number;
}

/** A page of messages that mention the account. */
export interface MentionPage {
  /** The messages, the newest first. A page that is not the last one has fewer than were asked for only where thousands follow each other that the account may not read. */
  mentions: MentioningMessage[];
  /** The `before` of the next page; none behind the last one. */
  next: MessageId | null;
}

/** A message that mentions the account. */
export interface MentioningMessage {
  /** The server. */
  server_id: ServerId;
  /** The channel. */
  channel_id: ChannelId;
  /** The message. */
  message: Message;
  /** Whether the account's cursor stands at it or behind it, or the account joined the server later. */
  read: boolean;
}

/** The buckets of an account. */
export interface RateLimits {
  /** Those that are limited. */
  buckets: RateLimitStatus[];
}

/** One bucket of an account. */
export interface RateLimitStatus {
  /** Which one. */
  bucket: RateLimit;
  /** How many requests it allows at once. */
  burst: number;
  /** How many of these are left. */
  left: number;
  /** In how many milliseconds the next request is allowed; 0 where one is left. */
  retry_after: number;
  /** In how many milliseconds it is whole again; 0 where it is. */
  whole_after: number;
}

/** What was found, the newest first. */
export interface FoundMessages {
  /** The messages. */
  messages: FoundMessage[];
  /** The `before` of the next answer; its time is that down to which was searched. None when nothing older is left. */
  next: MessageId | null;
}

/** A message, and where it is. */
export interface FoundMessage {
  /** The server. */
  server_id: ServerId;
  /** The channel. */
  channel_id: ChannelId;
  /** The message. */
  message: Message;
}

/** Which change of the status it was. The text is not in it: replies are kept for a while, and a text is gone with the next one. */
export interface StatusSet {
  /** Rises with each change. */
  version: number;
}

/** The status of an account, as the account itself sees it. */
export interface Status {
  /** What it wants to be shown as. */
  status: StatusKind;
  /** A text beside its name. */
  text: string;
  /** When it goes back to online without a text, in milliseconds since 1970; none for never. */
  until: number | null;
  /** Rises with each change; 0 before the first one. */
  version: number;
}

/** How members are. */
export interface Presences {
  /** Those of the members asked for, each once. */
  members: MemberPresence[];
}

/** How a member is. */
export interface MemberPresence {
  /** The account. */
  user_id: UserId;
  /** How it looks. */
  state: PresenceState;
  /** The text of its status; empty while it looks offline. */
  text: string;
}

/** A page of the members that look online. */
export interface OnlinePage {
  /** The members; fewer than asked for, or none, where many were passed over who are not there. */
  members: OnlineMember[];
  /** Where the page ended; absent when there are no more. */
  next: MemberPlace | null;
}

/** A member that looks online. */
export interface OnlineMember {
  /** The member. */
  member: Member;
  /** The hoisted role that it stands under; absent among all others. */
  role_id: RoleId | null;
  /** How it looks. */
  state: PresenceState;
  /** The text of its status. */
  text: string;
}

/** A device that is told by web push. */
export interface PushDevice {
  /** The device; its id tells when it subscribed. */
  device_id: PushDeviceId;
  /** What it is called. */
  name: string;
  /** Since when pushes to it fail, in milliseconds since 1970; none where they do not. */
  failing_since: number | null;
  /** Whether it is told no more: its push service does not know it, or pushes to it failed for a week. It has to subscribe again. */
  gone: boolean;
  /** Whether it is switched off: nothing is sent to it until it is switched on again. */
  off: boolean;
}

/** What was sent. */
export interface PushTested {
  /** To how many devices. */
  devices: number;
}

/** Who sends pushes, to browsers and push services. */
export interface Vapid {
  /** The public key: an uncompressed point of P-256 in base64url without padding, the `applicationServerKey` of a browser. */
  key: string;
}

/** The devices, oldest first. */
export interface PushDevices {
  /** The devices. */
  devices: PushDevice[];
}

/** What an account wants to be told of somewhere. */
export interface LevelState {
  /** The server, category or channel; none for all servers. */
  scope_id: AnyId | null;
  /** What to be told of; none is as the wider scope says. */
  level: NotificationLevel | null;
  /** Until when nothing is told, in milliseconds since 1970. */
  muted_until: number | null;
  /** Whether calls of everyone do not count. */
  no_everyone: boolean;
  /** The register version that its last change made. */
  version: number;
}

/** Which change of the settings it was. They are not in it: replies are kept for a while, and keywords are personal. */
export interface NotificationsSet {
  /** Rises with each change. */
  version: number;
}

/** A page of settings: that of all servers, then by scope. */
export interface LevelPage {
  /** The settings. */
  levels: LevelState[];
  /** The account's register version. That of the first page counts: what was changed up to there is in the pages. */
  version: number;
  /** The `after` of the next page; none behind the last one. */
  next: AnyId | null;
}

/** How an account is told. */
export interface Notifications {
  /** When nothing is told; none for never. */
  quiet: QuietHours | null;
  /** Words that call upon it. */
  keywords: string[];
  /** Whether devices are told that there is something, and not what. */
  private: boolean;
  /** Rises with each change; 0 before the first one. */
  version: number;
}

/** Why an account is told of a message, or not. */
export interface NotificationExplained {
  /** Why it would be told now; none where it would not. */
  reason: NotificationReason | null;
  /** The rules in the order in which they were asked; the last one decided. */
  steps: NotificationStep[];
  /** What became of it when the message came; none where nobody was to be told, or it is forgotten by now. */
  state: NotificationState | null;
}

/** A rule that was asked. */
export interface NotificationStep {
  /** The rule. */
  rule: NotificationRule;
  /** The scope whose setting decided it; none where no setting does. */
  scope: LevelScope | null;
  /** Whether it held. */
  holds: boolean;
}

/** The answer. */
export interface Pong {
  /** The worker's time, in milliseconds since 1970. */
  now: number;
}

/** A message was reported. */
export interface MessageReported {
  /** The report. */
  report_id: ReportId;
}

/** A rule of a server. */
export interface Rule {
  /** The rule. */
  rule_id: RuleId;
  /** What it is. */
  settings: RuleSettings;
  /** Who made it or changed it last; absent where nobody knows. */
  maker_id: UserId | null;
}

/** A page of the audit log. */
export interface Modlog {
  /** The entries, newest first. */
  entries: AuditEntry[];
  /** Where the next page begins, as its `before`; absent where there is none. A page may end before its limit: where its entries are large, and with several filters, as only some thousand are looked at for it. */
  next: EntryId | null;
}

/** What somebody did, as it was recorded. */
export interface AuditEntry {
  /** The entry; its id tells when. */
  entry_id: EntryId;
  /** What was done. */
  action: Action;
  /** Who did it; absent where the server itself did, by a rule. */
  actor_id: UserId | null;
  /** The member, role, channel, message, report or rule that it was done to. */
  target_id: AnyId | null;
  /** Why; may be empty. */
  reason: string;
  /** What was before, as JSON; what it holds depends on the action. Of channels and rules that were changed it has what differs, and of lists what only one state has: the first 50 entries, and `<field>_more` says how many there are besides. Absent, too, where it is about a channel that the reader does not see. */
  before: string | null;
  /** What was after, as JSON. */
  after: string | null;
}

/** How much was done, and by whom. */
export interface ModlogSummary {
  /** How many entries were counted: of more than 10,000 only the newest. */
  total: number;
  /** Since when they were counted, in milliseconds since 1970: later than was asked for where there are more. */
  since: number;
  /** By action, the most frequent first. */
  actions: ActionCount[];
  /** By actor, the busiest 100 first. */
  actors: ActorCount[];
}

/** How often something was done. */
export interface ActionCount {
  /** What. */
  action: Action;
  /** How often. */
  count: number;
}

/** How much somebody did. */
export interface ActorCount {
  /** Who; absent for what the server itself did, by its rules. */
  actor_id: UserId | null;
  /** How much. */
  count: number;
}

/** A page of reports, newest first. */
export interface Reports {
  /** The reports. */
  reports: Report[];
}

/** A report. */
export interface Report {
  /** The report; its id tells when. */
  report_id: ReportId;
  /** Who reported; absent where a rule of the server did. */
  reporter_id: UserId | null;
  /** Where the message is, or was. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** Who wrote it. */
  author_id: UserId;
  /** What is wrong with it. */
  category: ReportCategory;
  /** What the reporter says, or the name of the rule. */
  text: string;
  /** What the message said when it was reported; absent for who does not see its channel. */
  content: string | null;
  /** What became of it; absent while it is open. */
  outcome: ReportOutcome | null;
}

/** What became of a report, and who decided it. */
export interface ReportOutcome {
  /** What. */
  resolution: Resolution;
  /** Who. */
  resolver_id: UserId;
  /** When, in milliseconds since 1970. */
  resolved_at: number;
  /** Why; may be empty. */
  note: string;
}

/** The rules of a server, by id. */
export interface Rules {
  /** The rules. */
  rules: Rule[];
}

/** What rules would do. */
export interface RuleTest {
  /** What they find, the text first and then the newest message. */
  findings: RuleFinding[];
  /** How many messages were looked at, the newest first: fewer than there are where more was found, or had to be compared, than one answer is for. */
  messages: number;
}

/** What a rule finds. */
export interface RuleFinding {
  /** The message; absent for the text. */
  message_id: MessageId | null;
  /** The rule; absent for one that is not made yet. */
  rule_id: RuleId | null;
  /** What it is called. */
  name: string;
  /** What it would do. */
  action: RuleAction;
  /** Why: the word as it stands there, the host of the link, or the number of mentions. */
  found: string;
}

/** How a deployment is. */
export interface DeploymentStatus {
  /** Who runs, gateways first, by name; at most 1,000. */
  nodes: NodeStatus[];
  /** Accounts that look online to others: not those that are invisible. */
  online: number;
  /** Accounts, guests among them: exact up to 10,000, then what Postgres estimates, which counts deleted ones, too. */
  accounts: number;
  /** Servers: exact up to 10,000, then what Postgres estimates. */
  servers: number;
  /** Messages: exact up to 10,000, then what Postgres estimates, which counts deleted ones, too, as long as they have a row. */
  messages: number;
  /** The size of the database on the disk, indexes and log included. */
  database_bytes: number;
  /** Commands that waited in the streams when the workers last looked, a second ago at most. */
  waiting_commands: number;
  /** For how many milliseconds the oldest job that is due, or internal command, has waited; 0 where none does. */
  oldest_work_ms: number;
  /** Jobs, and internal commands of one partition for another, that failed too often and wait for a person: `worker admin jobs` lists them. */
  parked: number;
  /** Events of the log that its consumers did not read yet. */
  unread_events: number;
  /** Names the event log, as `ready` does. */
  epoch: string;
}

/** A process that renews its lease; one that was killed is said to be gone some seconds later. A program of before tells less. */
export interface NodeStatus {
  /** What it is. */
  kind: NodeKind;
  /** What it is called; a worker of before, by the number of its process. */
  name: string;
  /** The version of its program; none where it does not tell. */
  version: string | null;
  /** When it was started, in milliseconds since 1970 by its own clock; none where it does not tell. */
  since: number | null;
  /** The connections of a gateway, the partitions of a worker; none where it does not tell. */
  load: number | null;
  /** When it last told of itself, in milliseconds since 1970 by its own clock, if it ended without a word within the last hour and did not come back; none where it runs. */
  gone: number | null;
}

/** The account was signed in to. */
export interface SessionOpened {
  /** The session, as `sessions_list` shows it. */
  session: SessionInfo;
}

/** A session of the account ended: signed out or revoked. */
export interface SessionClosed {
  /** The session. */
  session_id: SessionId;
}

/** The account says something else of itself. */
export interface AccountUpdated {
  /** The account as it is now. */
  profile: Profile;
}

/** The account became a member of a server. */
export interface ServerJoined {
  /** The server. */
  server: Server;
}

/** The account is no longer a member of a server. */
export interface ServerLeft {
  /** The server. */
  server_id: ServerId;
  /** Why. */
  cause: LeaveCause;
}

/** Somebody became a member. Nobody is told in a server of more than 1,000 members. */
export interface MemberJoined {
  /** The member. */
  member: Member;
}

/** Somebody is no longer a member. In a server of more than 1,000 members only he is told. */
export interface MemberLeft {
  /** Who left. */
  user_id: UserId;
}

/** The server was changed, or has another owner. */
export interface ServerUpdated {
  /** The server as it is now. */
  server: Server;
}

/** The server is gone, with everything in it. It is the last event of its topic. */
export interface ServerDeleted {
  /** The server. */
  server_id: ServerId;
}

/** A member holds other roles. In a server of more than 1,000 members only he and who did it are told. */
export interface MemberRolesChanged {
  /** The member. */
  user_id: UserId;
  /** All roles held now, besides that of everyone. */
  roles: RoleId[];
}

/** A member is called something else. In a server of more than 1,000 members only he and who did it are told. */
export interface NicknameChanged {
  /** The member. */
  user_id: UserId;
  /** The nickname; the name of the account when absent. */
  nickname: string | null;
}

/** A member may only look on for some time, or may speak again. In a server of more than 1,000 members only he and who did it are told. */
export interface MemberTimedOut {
  /** The member. */
  user_id: UserId;
  /** Until when, in milliseconds since 1970; he may speak when absent. */
  until: number | null;
}

/** A member may only look on in a channel for some time: told to him and to who did it. */
export interface ChannelMuted {
  /** The member. */
  user_id: UserId;
  /** Where, and until when. */
  mute: Mute;
}

/** A member may speak in a channel again: told to him and to who did it. */
export interface ChannelUnmuted {
  /** The member. */
  user_id: UserId;
  /** Where. */
  channel_id: ChannelId;
}

/** A member is called otherwise or has another picture. Nobody is told in a server of more than 1,000 members. */
export interface UserUpdated {
  /** The account as it is now. */
  user: User;
}

/** A role was deleted, and with it every override for it. Members may still name it: a role that does not exist counts for nothing. */
export interface RoleDeleted {
  /** The role. */
  role_id: RoleId;
  /** All roles that are left, from that of everyone upwards: the place of each is its position now. */
  order: RoleId[];
}

/** The roles stand in another order. */
export interface RolesReordered {
  /** All roles from that of everyone upwards: the place of each is its position now. */
  order: RoleId[];
}

/** A channel was changed. Who sees it afterwards gets it; who came to see it or lost it gets `sight`, too. */
export interface ChannelUpdated {
  /** The channel as it is now. */
  channel: Channel;
}

/** A channel was deleted: for those who saw it. What stood in a deleted category stands by itself: `channels_moved` says so. */
export interface ChannelDeleted {
  /** The channel. */
  channel_id: ChannelId;
}

/** Channels stand elsewhere: those that moved, and that the member sees. A move may come as several of these events. */
export interface ChannelsMoved {
  /** Where each of them stands now. */
  channels: ChannelPlace[];
}

/** Where a channel stands. */
export interface ChannelPlace {
  /** The channel. */
  channel_id: ChannelId;
  /** Its place among all channels of the server, from 0. */
  position: number;
  /** The category that it stands in. */
  parent_id: ChannelId | null;
}

/** A message was sent. */
export interface MessageCreated {
  /** Where. */
  channel_id: ChannelId;
  /** The message. */
  message: Message;
}

/** A message was changed. */
export interface MessageEdited {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** What it says now. */
  content: string;
  /** When, in milliseconds since 1970. */
  edited_at: number;
  /** Whom it mentions now. */
  mentions: AnyId[];
}

/** A message was deleted. */
export interface MessageDeleted {
  /** Where it was. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
}

/** A message was pinned. */
export interface MessagePinned {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** Who pinned it. */
  user_id: UserId;
  /** When, in milliseconds since 1970. */
  pinned_at: number;
}

/** A message was unpinned. */
export interface MessageUnpinned {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** Who unpinned it. */
  user_id: UserId;
}

/** Somebody reacted to a message. */
export interface ReactionAdded {
  /** Where it is. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** Who reacted. */
  user_id: UserId;
  /** The emoji, spelled out in full. */
  emoji: string;
  /** How many have reacted with it now. */
  count: number;
}

/** A reaction was taken away. */
export interface ReactionRemoved {
  /** Where it was. */
  channel_id: ChannelId;
  /** The message. */
  message_id: MessageId;
  /** Whose it was. */
  user_id: UserId;
  /** The emoji. */
  emoji: string;
  /** How many still react with it; with none it is gone. */
  count: number;
}

/** A member is typing. Not stored, `seq` is 0, and dropped first under pressure. */
export interface TypingStarted {
  /** Where. */
  channel_id: ChannelId;
  /** Who. */
  user_id: UserId;
}

/** A cursor of the account was moved, on this device or another. Has no `seq`: its place is the register version. */
export interface UnreadMoved {
  /** Where it stands now. */
  cursor: ReadCursor;
}

/** The account set its status on some device. The text is not in it: it is read by `status_get`. */
export interface StatusUpdated {
  /** What the account wants to be shown as. */
  status: StatusKind;
  /** When it goes back to online, in milliseconds since 1970. */
  until: number | null;
  /** Which change it was. */
  version: number;
}

/** Accounts that this connection watches look otherwise now. Belongs to no topic (0) and has no `seq`; at most one in a second. */
export interface PresenceChanged {
  /** Each account that changed, once. */
  changes: PresenceChange[];
}

/** How an account looks now. */
export interface PresenceChange {
  /** The account. */
  user_id: UserId;
  /** How it looks. */
  state: PresenceState;
}

/** What the account wants to be told of somewhere was changed, on this device or another. Has no `seq`: its place is the register version. */
export interface NotificationLevelChanged {
  /** How it is now. */
  level: LevelState;
}

/** The account changed how it is told, on this device or another: what it is now, `notification_settings_get` shows. */
export interface NotificationsUpdated {
  /** Which change it was. */
  version: number;
}

/** The server was locked down, or opened again. That a time ran out nobody is told. */
export interface LockdownChanged {
  /** How it is locked down now; absent where it is not. */
  lockdown: Lockdown | null;
}

/** The first frame of a gateway (opcode 3). */
export interface Hello {
  /** The gateway's name, for reports of faults. */
  node: string;
  /** How often the client must send a heartbeat, in milliseconds. */
  heartbeat_ms: number;
  /** The largest frame that the gateway reads, in bytes. */
  max_frame_bytes: number;
}

/** The session is open (opcode 6). */
export interface Ready {
  /** The session. */
  session_id: SessionId;
  /** Who signed in. */
  user: User;
  /** Names the event log; places of another log mean nothing in this one. */
  epoch: string;
  /** The servers that the account is a member of. */
  servers: Server[];
  /** Where the stream of each topic begins: what is fetched after this frame holds everything up to here. A topic that is replayed begins at the place that the client named. */
  topics: TopicSeq[];
  /** The account's register version: a client that has a lower one asks for what is newer, and one that has a higher one for everything. */
  registers: number;
  /** When the gateway said this, in milliseconds since 1970: a client counts down by the clock of the cluster, as its own may be wrong. 0 from a gateway that does not say it. */
  sent_at: number;
  /** Whether there are keys for web push, as of when the session opened; a gateway that does not know says no. */
  push: boolean;
}

/** The client has everything up to here that it may see (opcode 8). */
export interface Cursor {
  /** The places. */
  topics: TopicSeq[];
}

/** The gateway is about to stop, or others have fewer connections: connect elsewhere (opcode 9). */
export interface Reconnect {
  /** Wait this many milliseconds first, so that not everyone comes at once. */
  delay_ms: number;
}

/** The topic cannot be continued (opcode 10): fetch its state again. Live events follow from here on. */
export interface Gap {
  /** The topic. */
  topic: AnyId;
  /** Where its stream goes on. */
  seq: number;
}

/** What this session sees of a server is another from an event on (opcode 11). The client has everything up to there that it may see: this is a cursor, too. */
export interface Sight {
  /** The server's topic. */
  topic: AnyId;
  /** The event that changed it. */
  seq: number;
  /** Channels that are seen now: fetch them. What was said in them before does not come as events. */
  shown: ChannelId[];
  /** Channels that are no longer seen, or are gone: drop them. */
  hidden: ChannelId[];
}

/** The account's registers were changed up to here (opcode 12). A client that was not told of each change asks for what is newer. */
export interface Registers {
  /** The account's register version. */
  version: number;
}

/** Every type that travels as an array. */
export interface Structs {
  LogOut: LogOut;
  SetSignUpPolicy: SetSignUpPolicy;
  RenameDeployment: RenameDeployment;
  UpdateAccount: UpdateAccount;
  StartExport: StartExport;
  Authenticate: Authenticate;
  GetDeployment: GetDeployment;
  GetExport: GetExport;
  CreateAccount: CreateAccount;
  LogIn: LogIn;
  JoinAsGuest: JoinAsGuest;
  ChangePassword: ChangePassword;
  RegisterGuest: RegisterGuest;
  DeleteAccount: DeleteAccount;
  RevokeSession: RevokeSession;
  ListSessions: ListSessions;
  LeaveServer: LeaveServer;
  UpdateServer: UpdateServer;
  TransferServer: TransferServer;
  DeleteServer: DeleteServer;
  GetServer: GetServer;
  ListServers: ListServers;
  ListOverviews: ListOverviews;
  DiscoverServers: DiscoverServers;
  CreateServer: CreateServer;
  JoinServer: JoinServer;
  CreateInvite: CreateInvite;
  RevokeInvite: RevokeInvite;
  PreviewInvite: PreviewInvite;
  ListInvites: ListInvites;
  ListInviteUses: ListInviteUses;
  RedeemInvite: RedeemInvite;
  KickMember: KickMember;
  BanUser: BanUser;
  UnbanUser: UnbanUser;
  TimeOutMember: TimeOutMember;
  MuteMember: MuteMember;
  UnmuteMember: UnmuteMember;
  SetNickname: SetNickname;
  RemoveNickname: RemoveNickname;
  SetMemberRoles: SetMemberRoles;
  AddMemberRoles: AddMemberRoles;
  RemoveMemberRoles: RemoveMemberRoles;
  GetMember: GetMember;
  GetMemberRoles: GetMemberRoles;
  ListBans: ListBans;
  ListMembers: ListMembers;
  MemberPlace: MemberPlace;
  ListUsers: ListUsers;
  GetUser: GetUser;
  GetUsers: GetUsers;
  SearchUsers: SearchUsers;
  CreateRole: CreateRole;
  UpdateRole: UpdateRole;
  DeleteRole: DeleteRole;
  ReorderRoles: ReorderRoles;
  SetRolePermissions: SetRolePermissions;
  AddSelfRole: AddSelfRole;
  RemoveSelfRole: RemoveSelfRole;
  SetOverride: SetOverride;
  ClearOverride: ClearOverride;
  ListRoles: ListRoles;
  GetRolePermissions: GetRolePermissions;
  ListSelfRoles: ListSelfRoles;
  ExplainPermissions: ExplainPermissions;
  CreateChannel: CreateChannel;
  Override: Override;
  UpdateChannel: UpdateChannel;
  DeleteChannel: DeleteChannel;
  MoveChannel: MoveChannel;
  GetChannels: GetChannels;
  NewMessage: NewMessage;
  EditMessage: EditMessage;
  DeleteMessage: DeleteMessage;
  PinMessage: PinMessage;
  UnpinMessage: UnpinMessage;
  AddReaction: AddReaction;
  RemoveReaction: RemoveReaction;
  DeleteMessages: DeleteMessages;
  GetMessage: GetMessage;
  GetMessages: GetMessages;
  ListPins: ListPins;
  ListReactors: ListReactors;
  ListVersions: ListVersions;
  GetMessagesAround: GetMessagesAround;
  GetReplies: GetReplies;
  SignalTyping: SignalTyping;
  AckUnread: AckUnread;
  MarkUnread: MarkUnread;
  GetUnreads: GetUnreads;
  CountUnreads: CountUnreads;
  ListMentions: ListMentions;
  GetRateLimits: GetRateLimits;
  ResetRateLimits: ResetRateLimits;
  SearchMessages: SearchMessages;
  SearchFilter: SearchFilter;
  SetStatus: SetStatus;
  GetStatus: GetStatus;
  GetPresences: GetPresences;
  WatchPresences: WatchPresences;
  ListOnline: ListOnline;
  SubscribePush: SubscribePush;
  UnsubscribePush: UnsubscribePush;
  TestPush: TestPush;
  SetPushDevice: SetPushDevice;
  GetVapid: GetVapid;
  ListPushDevices: ListPushDevices;
  SetNotificationLevel: SetNotificationLevel;
  SetNotifications: SetNotifications;
  QuietHours: QuietHours;
  ListNotificationLevels: ListNotificationLevels;
  GetNotifications: GetNotifications;
  ExplainNotification: ExplainNotification;
  Ping: Ping;
  ReportMessage: ReportMessage;
  ResolveReport: ResolveReport;
  CreateRule: CreateRule;
  RuleSettings: RuleSettings;
  UpdateRule: UpdateRule;
  DeleteRule: DeleteRule;
  SetLockdown: SetLockdown;
  GetModlog: GetModlog;
  SummarizeModlog: SummarizeModlog;
  ListReports: ListReports;
  ListRules: ListRules;
  TestRules: TestRules;
  GetDeploymentStatus: GetDeploymentStatus;
  Identify: Identify;
  Resume: Resume;
  TopicSeq: TopicSeq;
  Heartbeat: Heartbeat;
  Export: Export;
  Identity: Identity;
  User: User;
  Deployment: Deployment;
  ExportPart: ExportPart;
  SignedIn: SignedIn;
  Sessions: Sessions;
  SessionInfo: SessionInfo;
  ServerInfo: ServerInfo;
  Server: Server;
  Role: Role;
  Channel: Channel;
  Lockdown: Lockdown;
  Servers: Servers;
  Overviews: Overviews;
  Overview: Overview;
  Member: Member;
  DiscoveredServers: DiscoveredServers;
  DiscoveredServer: DiscoveredServer;
  InviteCreated: InviteCreated;
  InvitePreview: InvitePreview;
  Invites: Invites;
  Invite: Invite;
  InviteUses: InviteUses;
  InviteUse: InviteUse;
  ShownMember: ShownMember;
  Mute: Mute;
  MemberRoles: MemberRoles;
  Bans: Bans;
  Ban: Ban;
  BanTerms: BanTerms;
  MemberPage: MemberPage;
  Users: Users;
  Profile: Profile;
  FoundUsers: FoundUsers;
  SearchedUsers: SearchedUsers;
  RoleCreated: RoleCreated;
  RoleUpdated: RoleUpdated;
  OwnRoles: OwnRoles;
  Roles: Roles;
  RolePermissions: RolePermissions;
  SelfRoles: SelfRoles;
  PermissionsExplained: PermissionsExplained;
  Step: Step;
  ChannelCreated: ChannelCreated;
  Channels: Channels;
  MessageSent: MessageSent;
  MessagesDeleted: MessagesDeleted;
  Message: Message;
  Reaction: Reaction;
  Messages: Messages;
  PinnedMessages: PinnedMessages;
  Pin: Pin;
  Reactors: Reactors;
  MessageVersions: MessageVersions;
  Version: Version;
  MessagesAround: MessagesAround;
  ReadCursor: ReadCursor;
  Unreads: Unreads;
  Unread: Unread;
  UnreadCounts: UnreadCounts;
  ServerUnread: ServerUnread;
  MentionPage: MentionPage;
  MentioningMessage: MentioningMessage;
  RateLimits: RateLimits;
  RateLimitStatus: RateLimitStatus;
  FoundMessages: FoundMessages;
  FoundMessage: FoundMessage;
  StatusSet: StatusSet;
  Status: Status;
  Presences: Presences;
  MemberPresence: MemberPresence;
  OnlinePage: OnlinePage;
  OnlineMember: OnlineMember;
  PushDevice: PushDevice;
  PushTested: PushTested;
  Vapid: Vapid;
  PushDevices: PushDevices;
  LevelState: LevelState;
  NotificationsSet: NotificationsSet;
  LevelPage: LevelPage;
  Notifications: Notifications;
  NotificationExplained: NotificationExplained;
  NotificationStep: NotificationStep;
  Pong: Pong;
  MessageReported: MessageReported;
  Rule: Rule;
  Modlog: Modlog;
  AuditEntry: AuditEntry;
  ModlogSummary: ModlogSummary;
  ActionCount: ActionCount;
  ActorCount: ActorCount;
  Reports: Reports;
  Report: Report;
  ReportOutcome: ReportOutcome;
  Rules: Rules;
  RuleTest: RuleTest;
  RuleFinding: RuleFinding;
  DeploymentStatus: DeploymentStatus;
  NodeStatus: NodeStatus;
  SessionOpened: SessionOpened;
  SessionClosed: SessionClosed;
  AccountUpdated: AccountUpdated;
  ServerJoined: ServerJoined;
  ServerLeft: ServerLeft;
  MemberJoined: MemberJoined;
  MemberLeft: MemberLeft;
  ServerUpdated: ServerUpdated;
  ServerDeleted: ServerDeleted;
  MemberRolesChanged: MemberRolesChanged;
  NicknameChanged: NicknameChanged;
  MemberTimedOut: MemberTimedOut;
  ChannelMuted: ChannelMuted;
  ChannelUnmuted: ChannelUnmuted;
  UserUpdated: UserUpdated;
  RoleDeleted: RoleDeleted;
  RolesReordered: RolesReordered;
  ChannelUpdated: ChannelUpdated;
  ChannelDeleted: ChannelDeleted;
  ChannelsMoved: ChannelsMoved;
  ChannelPlace: ChannelPlace;
  MessageCreated: MessageCreated;
  MessageEdited: MessageEdited;
  MessageDeleted: MessageDeleted;
  MessagePinned: MessagePinned;
  MessageUnpinned: MessageUnpinned;
  ReactionAdded: ReactionAdded;
  ReactionRemoved: ReactionRemoved;
  TypingStarted: TypingStarted;
  UnreadMoved: UnreadMoved;
  StatusUpdated: StatusUpdated;
  PresenceChanged: PresenceChanged;
  PresenceChange: PresenceChange;
  NotificationLevelChanged: NotificationLevelChanged;
  NotificationsUpdated: NotificationsUpdated;
  LockdownChanged: LockdownChanged;
  Hello: Hello;
  Ready: Ready;
  Cursor: Cursor;
  Reconnect: Reconnect;
  Gap: Gap;
  Sight: Sight;
  Registers: Registers;
}

/** Every request with its reply. */
export interface Requests {
  /** Ends the session that sends it. */
  logout: { request: LogOut; reply: null };
  /** Says who may sign up from now on, in place of what the workers were started with. */
  signup_policy_set: { request: SetSignUpPolicy; reply: null };
  /** Calls the deployment something else. */
  deployment_rename: { request: RenameDeployment; reply: null };
  /** Changes what the account says of itself; what is absent stays. */
  account_update: { request: UpdateAccount; reply: null };
  /** Begins to write down everything personal of the account, as lines of JSON: `account_export_get` shows how far it is, and the lines. One at a time, and one a day. */
  account_export: { request: StartExport; reply: Export };
  /** Says whose session a token opens. */
  auth: { request: Authenticate; reply: Identity };
  /** Shows what somebody must know of the deployment before signing in. */
  deployment_info: { request: GetDeployment; reply: Deployment };
  /** Shows the last export of the account, and a part of it once it is finished. */
  account_export_get: { request: GetExport; reply: ExportPart };
  /** Creates an account; the first one of a deployment administers it. */
  register: { request: CreateAccount; reply: SignedIn };
  /** Signs in with a name and a password. */
  login: { request: LogIn; reply: SignedIn };
  /** Creates an account with a generated name and no password. */
  guest: { request: JoinAsGuest; reply: SignedIn };
  /** Changes the password. */
  password_change: { request: ChangePassword; reply: null };
  /** Gives a guest a name and a password; the account stays the same. */
  account_register: { request: RegisterGuest; reply: User };
  /** Deletes the account: it leaves its servers, and nothing is left of it but its messages. Who owns a server hands it over or deletes it before, and who administers the deployment stays. */
  account_delete: { request: DeleteAccount; reply: null };
  /** Ends another session of the account. */
  session_revoke: { request: RevokeSession; reply: null };
  /** Lists the open sessions of the account. */
  sessions_list: { request: ListSessions; reply: Sessions };
  /** Leaves the scope's server. */
  server_leave: { request: LeaveServer; reply: null };
  /** Changes the scope's server; what is absent stays. */
  server_update: { request: UpdateServer; reply: null };
  /** Makes another member the owner of the scope's server. Only its owner may. */
  server_transfer: { request: TransferServer; reply: null };
  /** Deletes the scope's server with everything in it, for everyone. Only its owner may. */
  server_delete: { request: DeleteServer; reply: null };
  /** Shows the scope's server as the member sees it. */
  server_info: { request: GetServer; reply: ServerInfo };
  /** Lists the servers that the account is a member of. */
  servers_list: { request: ListServers; reply: Servers };
  /** Shows servers of the account as it needs them after `ready`, up to 20 at once. Where they have many channels and overrides the answer ends sooner, and is asked for again from its `next` on. */
  servers_overview: { request: ListOverviews; reply: Overviews };
  /** Lists the servers that everyone may find, by id. */
  servers_discover: { request: DiscoverServers; reply: DiscoveredServers };
  /** Creates a server with the channel "general"; its creator owns it. */
  server_create: { request: CreateServer; reply: ServerInfo };
  /** Becomes a member of a server that everyone may find. */
  server_join: { request: JoinServer; reply: ServerInfo };
  /** Makes a code: for the scope's server, or with scope 0 for signing up. Who does not manage the server has at most 20 in it that still open it or are not an hour old. */
  invite_create: { request: CreateInvite; reply: InviteCreated };
  /** Makes a code useless: one's own, or any of a server that one manages. */
  invite_revoke: { request: RevokeInvite; reply: null };
  /** Shows what a code opens. */
  invite_preview: { request: PreviewInvite; reply: InvitePreview };
  /** Lists codes of the scope's server, or with scope 0 those for signing up: who manages the server sees all of them, others their own. */
  invite_list: { request: ListInvites; reply: Invites };
  /** Lists who redeemed a code, the last one first. */
  invite_uses: { request: ListInviteUses; reply: InviteUses };
  /** Becomes a member of the server that the code opens. Whose account it opened joins by the same use, once, even where it was the last one. */
  invite_redeem: { request: RedeemInvite; reply: ServerInfo };
  /** Removes a member of lower rank from the scope's server; he may come back. */
  member_kick: { request: KickMember; reply: null };
  /** Bans an account from the scope's server: a member of lower rank, or who is none, whether the account exists or not. Its membership ends, and it cannot join until the ban ends. A ban of an account that is banned replaces the one before. */
  user_ban: { request: BanUser; reply: null };
  /** Lets a banned account join again. */
  user_unban: { request: UnbanUser; reply: null };
  /** Lets a member of lower rank only look on for some time, wherever in the scope's server. */
  user_timeout: { request: TimeOutMember; reply: null };
  /** Lets a member of lower rank only look on in one channel for some time. */
  channel_mute: { request: MuteMember; reply: null };
  /** Lets a member speak in a channel again. */
  channel_unmute: { request: UnmuteMember; reply: null };
  /** Calls a member of the scope's server something else there: oneself with `CHANGE_NICKNAME`, a member of lower rank with `MANAGE_NICKNAMES`. */
  nickname_update: { request: SetNickname; reply: null };
  /** Calls a member of the scope's server by the name of the account again; who may is the same as for `nickname_update`. */
  nickname_remove: { request: RemoveNickname; reply: null };
  /** Gives a member these roles in place of those before. Who gives or takes a role is above it, and above the member unless that is himself; and gives nothing that he lacks. */
  user_roles_set: { request: SetMemberRoles; reply: null };
  /** Gives a member roles besides those that he holds; rules as for `user_roles_set`. */
  user_roles_add: { request: AddMemberRoles; reply: null };
  /** Takes roles from a member; rules as for `user_roles_set`. */
  user_roles_remove: { request: RemoveMemberRoles; reply: null };
  /** Shows a member of the scope's server. */
  member_get: { request: GetMember; reply: ShownMember };
  /** Lists the roles of a member of the scope's server. */
  user_roles_get: { request: GetMemberRoles; reply: MemberRoles };
  /** Lists who is banned from the scope's server, by id. */
  users_banned_list: { request: ListBans; reply: Bans };
  /** Lists the members of the scope's server as people see them: under each hoisted role, from the highest rank down, those whose highest hoisted role it is; then all others; each by nickname or name. */
  members_list: { request: ListMembers; reply: MemberPage };
  /** Lists the members of the scope's server, by id. */
  users_list: { request: ListUsers; reply: Users };
  /** Shows an account: one's own, or one that shares a server with it. An administrator sees all. */
  user_get: { request: GetUser; reply: Profile };
  /** Shows several accounts at once, as `user_get` shows one. */
  users_get: { request: GetUsers; reply: FoundUsers };
  /** Finds the members of the scope's server whose name begins so; with scope 0, those who share any server with the account. */
  users_search: { request: SearchUsers; reply: SearchedUsers };
  /** Makes a role, the lowest but that of everyone; it has to be below the highest one of its maker, and permits nothing that he lacks. */
  role_create: { request: CreateRole; reply: RoleCreated };
  /** Changes a role below one's own; absent fields stay as they are. Of the role of everyone only the permissions change. */
  role_update: { request: UpdateRole; reply: RoleUpdated };
  /** Deletes a role below one's own, and what overrides say of it. */
  role_delete: { request: DeleteRole; reply: null };
  /** Puts the roles into another order: only what is below the caller's own highest role moves. */
  role_reorder: { request: ReorderRoles; reply: null };
  /** Sets what a role below one's own permits; nobody gives or takes what he does not hold. */
  role_permissions_set: { request: SetRolePermissions; reply: RoleUpdated };
  /** Takes a role that is for everyone to take. */
  self_role_add: { request: AddSelfRole; reply: OwnRoles };
  /** Leaves a role that is for everyone to take. */
  self_role_remove: { request: RemoveSelfRole; reply: OwnRoles };
  /** Says what a role or a member may do otherwise in a channel, in place of what was said before; the others stay. `channel_updated` tells it. */
  override_set: { request: SetOverride; reply: null };
  /** Takes back what an override of a channel says of a role or a member. `channel_updated` tells it. */
  override_clear: { request: ClearOverride; reply: null };
  /** Lists the roles of the scope's server. */
  roles_list: { request: ListRoles; reply: Roles };
  /** Shows what a role permits in the server. */
  role_permissions_get: { request: GetRolePermissions; reply: RolePermissions };
  /** Lists the roles that are for everyone to take, and which of them the caller holds. */
  self_roles_list: { request: ListSelfRoles; reply: SelfRoles };
  /** Says which role, override or silence gave or took each permission of a member. */
  permission_explain: { request: ExplainPermissions; reply: PermissionsExplained };
  /** Creates a channel in the scope's server. */
  channel_create: { request: CreateChannel; reply: ChannelCreated };
  /** Changes a channel; absent fields stay as they are. */
  channel_update: { request: UpdateChannel; reply: null };
  /** Deletes a channel with all that was said in it. */
  channel_delete: { request: DeleteChannel; reply: null };
  /** Puts a channel elsewhere; the others make room, so that positions are dense. */
  channel_move: { request: MoveChannel; reply: null };
  /** Lists the channels of the scope's server that the member sees. */
  channels_get: { request: GetChannels; reply: Channels };
  /** Sends a message to a channel. */
  message_new: { request: NewMessage; reply: MessageSent };
  /** Changes one's own message. */
  message_edit: { request: EditMessage; reply: null };
  /** Deletes one's own message, or with `MANAGE_MESSAGES` any. */
  message_delete: { request: DeleteMessage; reply: null };
  /** Pins a message; one that is pinned already stays as it is. */
  message_pin: { request: PinMessage; reply: null };
  /** Unpins a message; one that is not pinned stays as it is. */
  message_unpin: { request: UnpinMessage; reply: null };
  /** Reacts to a message; who has reacted so already changes nothing. */
  message_react_add: { request: AddReaction; reply: null };
  /** Takes a reaction away: one's own, or with `MANAGE_MESSAGES` anybody's. One that is not there changes nothing. */
  message_react_remove: { request: RemoveReaction; reply: null };
  /** Deletes up to 100 messages at once; those that are not there are left out. */
  messages_delete: { request: DeleteMessages; reply: MessagesDeleted };
  /** Shows one message. */
  message_get: { request: GetMessage; reply: Message };
  /** Shows a page of history, oldest first: the last messages, or those next to a place. */
  messages_get: { request: GetMessages; reply: Messages };
  /** Lists the pinned messages of a channel, the last pinned first. */
  messages_pinned: { request: ListPins; reply: PinnedMessages };
  /** Lists who reacted to a message with one emoji, by id. */
  message_reactions: { request: ListReactors; reply: Reactors };
  /** Lists what one's own message said before its edits, or with `MANAGE_MESSAGES` anybody's: the last version first. */
  message_history: { request: ListVersions; reply: MessageVersions };
  /** Shows a message among those before and after it. */
  messages_around: { request: GetMessagesAround; reply: MessagesAround };
  /** Shows a page of the messages that answer one, oldest first; also where that was deleted. */
  message_replies: { request: GetReplies; reply: Messages };
  /** Tells the channel that the member is typing, for the next 8 seconds; one that has no messages refuses it as `wrong_kind`. */
  typing: { request: SignalTyping; reply: null };
  /** Reads a channel up to a message; a place that lies before where the cursor stands changes nothing. */
  unreads_ack: { request: AckUnread; reply: ReadCursor };
  /** Puts the cursor of a channel anywhere, back as well: marks what follows as unread. */
  mark_unread: { request: MarkUnread; reply: ReadCursor };
  /** Shows how much is unread in the channels that the account sees and has a cursor in, page by page. */
  unreads_get: { request: GetUnreads; reply: Unreads };
  /** Counts how much is unread in each server of the account, page by page. */
  unreads_count: { request: CountUnreads; reply: UnreadCounts };
  /** Shows the messages that mention the account, a role that it holds, or everyone, the newest first: of all its servers, where it may read the history now. */
  pings_get: { request: ListMentions; reply: MentionPage };
  /** Shows what is left of each limited bucket of the account, without drawing from any. */
  rate_limit_status: { request: GetRateLimits; reply: RateLimits };
  /** Makes all buckets of an account whole, and ends its cooldowns. Nothing of it is stored, so it may be repeated. */
  rate_limit_reset: { request: ResetRateLimits; reply: null };
  /** Looks for messages, the newest first: in the server of the scope, or with scope 0 in every server of the account; in both, where the account may read the history now. An answer takes a quarter of a second at most and may have few messages or none: `next` says how far it looked. */
  messages_search: { request: SearchMessages; reply: FoundMessages };
  /** Sets the status of the account, in place of what it was on any device. */
  status_set: { request: SetStatus; reply: StatusSet };
  /** Shows the account's own status. */
  status_get: { request: GetStatus; reply: Status };
  /** Shows who of these members of the scope's server is there. */
  presence_get: { request: GetPresences; reply: Presences };
  /** Shows the same, and has this connection told of changes by `presence_changed` from then on: in place of whom it watched in this server before. Over HTTP nobody is told. */
  presence_watch: { request: WatchPresences; reply: Presences };
  /** Lists the members of the scope's server that look online, as a member list shows them: those of each hoisted role, from the highest rank down, then all others, each group by nickname or name. */
  users_online: { request: ListOnline; reply: OnlinePage };
  /** Has this device told by web push, as long as its session lasts. One address belongs to one account: who subscribes it takes it from the account that had it. The same address once more is a new device, with another id. Refused as `switched_off` without keys, as `forbidden` at a push service that is not permitted, as `limit_reached` beyond 20 devices.  A push is JSON: `{"kind":"test"}`, or `{"kind":"message"}` with `reason`, a `NotificationReason`, and `server_id`, `channel_id` and `message_id` as text; unless the account is private also with `server`, `channel`, `author` and `text`, which has names for mentions and is cut to fit. It may have no body, come twice, or behind a newer one of its channel: then the larger `message_id` counts. Of a kind that a client does not know it shows that there is something. */
  push_subscribe: { request: SubscribePush; reply: PushDevice };
  /** Has a device told no more. */
  push_unsubscribe: { request: UnsubscribePush; reply: null };
  /** Sends a push to each device of the account, or to one, at once: so that somebody sees whether it comes. */
  push_test: { request: TestPush; reply: PushTested };
  /** Switches a device of the account off, from any session, or on again. It stays subscribed, and off where its browser subscribes the same address again; another address is another device, and that is on. */
  push_device_set: { request: SetPushDevice; reply: PushDevice };
  /** Shows the key by which a browser subscribes; refused as `switched_off` where the deployment has none. */
  push_get_vapid: { request: GetVapid; reply: Vapid };
  /** Lists the devices of the account that are told by web push. */
  push_devices_list: { request: ListPushDevices; reply: PushDevices };
  /** Sets what the account wants to be told of in all servers, in a server, in the channels of a category, or in a channel. */
  notification_level_set: { request: SetNotificationLevel; reply: LevelState };
  /** Sets how the account is told, in place of what it was. */
  notification_settings_set: { request: SetNotifications; reply: NotificationsSet };
  /** Shows what the account set for servers, categories and channels, page by page; whether it still sees them or not. */
  notification_levels_get: { request: ListNotificationLevels; reply: LevelPage };
  /** Shows how the account is told. */
  notification_settings_get: { request: GetNotifications; reply: Notifications };
  /** Shows whether the account would be told of a message, why, and what became of it: by the very rules that decide it, as they are now. */
  notification_explain: { request: ExplainNotification; reply: NotificationExplained };
  /** Answers with the time of the worker. */
  ping: { request: Ping; reply: Pong };
  /** Reports a message to those who moderate. What it says now is kept with the report, whatever its author does with it. Nobody is told: `reports_list` shows it. */
  message_report: { request: ReportMessage; reply: MessageReported };
  /** Resolves a report, for who may list it. Nobody but the owner resolves one about himself. */
  report_resolve: { request: ResolveReport; reply: null };
  /** Makes a rule. It looks at new and at changed messages, but not at those of who holds `MANAGE_MESSAGES` in their channel. One that silences needs `TIMEOUT_MEMBERS`, too. */
  automod_rule_create: { request: CreateRule; reply: Rule };
  /** Makes another rule of it. One that silences needs `TIMEOUT_MEMBERS`, too. */
  automod_rule_update: { request: UpdateRule; reply: null };
  /** Deletes a rule. */
  automod_rule_delete: { request: DeleteRule; reply: null };
  /** Locks the scope's server down, or opens it again: where neither joining nor sending is forbidden. */
  lockdown_set: { request: SetLockdown; reply: null };
  /** Shows a page of the audit log of the scope's server, newest first. */
  modlog_get: { request: GetModlog; reply: Modlog };
  /** Counts the audit log of the scope's server by action and by actor. */
  modlog_summary: { request: SummarizeModlog; reply: ModlogSummary };
  /** Lists reports of the scope's server, newest first, for who holds `VIEW_AUDIT_LOG` or `MANAGE_MESSAGES` in it. Nobody but the owner finds those about himself. */
  reports_list: { request: ListReports; reply: Reports };
  /** Lists the rules of the scope's server, at most 50. Nobody is told when they change. */
  automod_rules_list: { request: ListRules; reply: Rules };
  /** Says what rules would do, and does nothing: those of the server that are enabled, or one that is not made yet. What depends on who says something, and when, is not tried. */
  automod_test: { request: TestRules; reply: RuleTest };
  /** Shows who runs the deployment, how much it holds and what waits, without reading what it counts. */
  deployment_status: { request: GetDeploymentStatus; reply: DeploymentStatus };
}

/** Every event. */
export interface Events {
  /** The account was signed in to. */
  session_opened: SessionOpened;
  /** A session of the account ended: signed out or revoked. */
  session_closed: SessionClosed;
  /** The account says something else of itself. */
  account_updated: AccountUpdated;
  /** The account became a member of a server. */
  server_joined: ServerJoined;
  /** The account is no longer a member of a server. */
  server_left: ServerLeft;
  /** Somebody became a member. Nobody is told in a server of more than 1,000 members. */
  member_joined: MemberJoined;
  /** Somebody is no longer a member. In a server of more than 1,000 members only he is told. */
  member_left: MemberLeft;
  /** The server was changed, or has another owner. */
  server_updated: ServerUpdated;
  /** The server is gone, with everything in it. It is the last event of its topic. */
  server_deleted: ServerDeleted;
  /** A member holds other roles. In a server of more than 1,000 members only he and who did it are told. */
  member_roles_changed: MemberRolesChanged;
  /** A member is called something else. In a server of more than 1,000 members only he and who did it are told. */
  nickname_changed: NicknameChanged;
  /** A member may only look on for some time, or may speak again. In a server of more than 1,000 members only he and who did it are told. */
  member_timed_out: MemberTimedOut;
  /** A member may only look on in a channel for some time: told to him and to who did it. */
  channel_muted: ChannelMuted;
  /** A member may speak in a channel again: told to him and to who did it. */
  channel_unmuted: ChannelUnmuted;
  /** A member is called otherwise or has another picture. Nobody is told in a server of more than 1,000 members. */
  user_updated: UserUpdated;
  /** A role was made. */
  role_created: RoleCreated;
  /** A role was changed. Who sees other channels for it gets `sight`, too. */
  role_updated: RoleUpdated;
  /** A role was deleted, and with it every override for it. Members may still name it: a role that does not exist counts for nothing. */
  role_deleted: RoleDeleted;
  /** The roles stand in another order. */
  roles_reordered: RolesReordered;
  /** A channel was created. */
  channel_created: ChannelCreated;
  /** A channel was changed. Who sees it afterwards gets it; who came to see it or lost it gets `sight`, too. */
  channel_updated: ChannelUpdated;
  /** A channel was deleted: for those who saw it. What stood in a deleted category stands by itself: `channels_moved` says so. */
  channel_deleted: ChannelDeleted;
  /** Channels stand elsewhere: those that moved, and that the member sees. A move may come as several of these events. */
  channels_moved: ChannelsMoved;
  /** A message was sent. */
  message_created: MessageCreated;
  /** A message was changed. */
  message_edited: MessageEdited;
  /** A message was deleted. */
  message_deleted: MessageDeleted;
  /** A message was pinned. */
  message_pinned: MessagePinned;
  /** A message was unpinned. */
  message_unpinned: MessageUnpinned;
  /** Somebody reacted to a message. */
  reaction_added: ReactionAdded;
  /** A reaction was taken away. */
  reaction_removed: ReactionRemoved;
  /** Several messages were deleted at once. */
  messages_deleted: MessagesDeleted;
  /** A member is typing. Not stored, `seq` is 0, and dropped first under pressure. */
  typing_started: TypingStarted;
  /** A cursor of the account was moved, on this device or another. Has no `seq`: its place is the register version. */
  unread_moved: UnreadMoved;
  /** The account set its status on some device. The text is not in it: it is read by `status_get`. */
  status_updated: StatusUpdated;
  /** Accounts that this connection watches look otherwise now. Belongs to no topic (0) and has no `seq`; at most one in a second. */
  presence_changed: PresenceChanged;
  /** What the account wants to be told of somewhere was changed, on this device or another. Has no `seq`: its place is the register version. */
  notification_level_changed: NotificationLevelChanged;
  /** The account changed how it is told, on this device or another: what it is now, `notification_settings_get` shows. */
  notification_settings_updated: NotificationsUpdated;
  /** The server was locked down, or opened again. That a time ran out nobody is told. */
  lockdown_changed: LockdownChanged;
}

/** Every control frame that a gateway sends. */
export interface ServerControls {
  hello: Hello;
  ready: Ready;
  heartbeat: Heartbeat;
  cursor: Cursor;
  reconnect: Reconnect;
  gap: Gap;
  sight: Sight;
  registers: Registers;
}

/** Every control frame that a client sends. */
export interface ClientControls {
  identify: Identify;
  resume: Resume;
  heartbeat: Heartbeat;
}

/** The fields of each struct, in wire order. `optional`: a body may end before it. */
export const STRUCTS: Readonly<Record<keyof Structs, readonly Field<keyof Structs>[]>> = {
  LogOut: [
    { name: "nonce", type: "text", optional: false },
  ],
  SetSignUpPolicy: [
    { name: "nonce", type: "text", optional: false },
    { name: "signup", type: {"optional":{"enum":"SignUp"}}, optional: true },
    { name: "guests", type: {"optional":"bool"}, optional: true },
  ],
  RenameDeployment: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
  ],
  UpdateAccount: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: {"optional":"text"}, optional: true },
    { name: "avatar", type: {"optional":"text"}, optional: true },
    { name: "bio", type: {"optional":"text"}, optional: true },
    { name: "locale", type: {"optional":"text"}, optional: true },
  ],
  StartExport: [
    { name: "nonce", type: "text", optional: false },
  ],
  Authenticate: [
    { name: "token", type: "text", optional: false },
  ],
  GetDeployment: [],
  GetExport: [
    { name: "part", type: {"optional":{"int":32}}, optional: true },
  ],
  CreateAccount: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
    { name: "password", type: "text", optional: false },
    { name: "invite", type: {"optional":"text"}, optional: true },
    { name: "device", type: {"optional":"text"}, optional: true },
  ],
  LogIn: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
    { name: "password", type: "text", optional: false },
    { name: "device", type: {"optional":"text"}, optional: true },
  ],
  JoinAsGuest: [
    { name: "nonce", type: "text", optional: false },
    { name: "device", type: {"optional":"text"}, optional: true },
  ],
  ChangePassword: [
    { name: "nonce", type: "text", optional: false },
    { name: "password", type: "text", optional: false },
    { name: "new_password", type: "text", optional: false },
    { name: "end_others", type: "bool", optional: true },
  ],
  RegisterGuest: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
    { name: "password", type: "text", optional: false },
    { name: "invite", type: {"optional":"text"}, optional: true },
  ],
  DeleteAccount: [
    { name: "nonce", type: "text", optional: false },
    { name: "password", type: {"optional":"text"}, optional: true },
  ],
  RevokeSession: [
    { name: "nonce", type: "text", optional: false },
    { name: "session_id", type: {"id":"SessionId"}, optional: false },
  ],
  ListSessions: [],
  LeaveServer: [
    { name: "nonce", type: "text", optional: false },
  ],
  UpdateServer: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: {"optional":"text"}, optional: true },
    { name: "icon", type: {"optional":"text"}, optional: true },
    { name: "description", type: {"optional":"text"}, optional: true },
    { name: "discoverable", type: {"optional":"bool"}, optional: true },
  ],
  TransferServer: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  DeleteServer: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
  ],
  GetServer: [],
  ListServers: [],
  ListOverviews: [
    { name: "server_ids", type: {"list":{"id":"ServerId"}}, optional: false },
    { name: "from", type: {"optional":{"id":"ServerId"}}, optional: true },
  ],
  DiscoverServers: [
    { name: "after", type: {"optional":{"id":"ServerId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  CreateServer: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
  ],
  JoinServer: [
    { name: "nonce", type: "text", optional: false },
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
  ],
  CreateInvite: [
    { name: "nonce", type: "text", optional: false },
    { name: "max_uses", type: {"optional":{"int":32}}, optional: true },
    { name: "expires_in", type: {"optional":{"int":32}}, optional: true },
  ],
  RevokeInvite: [
    { name: "nonce", type: "text", optional: false },
    { name: "code", type: "text", optional: false },
  ],
  PreviewInvite: [
    { name: "code", type: "text", optional: false },
  ],
  ListInvites: [
    { name: "after", type: {"optional":"text"}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  ListInviteUses: [
    { name: "code", type: "text", optional: false },
    { name: "after", type: {"optional":{"id":"UserId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  RedeemInvite: [
    { name: "nonce", type: "text", optional: false },
    { name: "code", type: "text", optional: false },
  ],
  KickMember: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  BanUser: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "reason", type: "text", optional: true },
    { name: "duration", type: {"optional":{"int":32}}, optional: true },
    { name: "delete_hours", type: {"int":32}, optional: true },
  ],
  UnbanUser: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  TimeOutMember: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "duration", type: {"int":32}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  MuteMember: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "duration", type: {"int":32}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  UnmuteMember: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  SetNickname: [
    { name: "nonce", type: "text", optional: false },
    { name: "nickname", type: "text", optional: false },
    { name: "user_id", type: {"optional":{"id":"UserId"}}, optional: true },
  ],
  RemoveNickname: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"optional":{"id":"UserId"}}, optional: true },
  ],
  SetMemberRoles: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  AddMemberRoles: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  RemoveMemberRoles: [
    { name: "nonce", type: "text", optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
    { name: "reason", type: "text", optional: true },
  ],
  GetMember: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  GetMemberRoles: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  ListBans: [
    { name: "after", type: {"optional":{"id":"UserId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  ListMembers: [
    { name: "place", type: {"optional":{"struct":"MemberPlace"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  MemberPlace: [
    { name: "role_id", type: {"optional":{"id":"RoleId"}}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "user_id", type: {"optional":{"id":"UserId"}}, optional: false },
  ],
  ListUsers: [
    { name: "after", type: {"optional":{"id":"UserId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  GetUser: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  GetUsers: [
    { name: "user_ids", type: {"list":{"id":"UserId"}}, optional: false },
  ],
  SearchUsers: [
    { name: "prefix", type: "text", optional: false },
    { name: "after", type: {"optional":"text"}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  CreateRole: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
    { name: "permissions", type: {"flags":"Permissions"}, optional: true },
    { name: "colour", type: {"optional":{"int":32}}, optional: true },
    { name: "hoist", type: "bool", optional: true },
    { name: "mentionable", type: "bool", optional: true },
    { name: "self_assignable", type: "bool", optional: true },
    { name: "category", type: {"optional":"text"}, optional: true },
  ],
  UpdateRole: [
    { name: "nonce", type: "text", optional: false },
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
    { name: "name", type: {"optional":"text"}, optional: true },
    { name: "permissions", type: {"optional":{"flags":"Permissions"}}, optional: true },
    { name: "colour", type: {"optional":{"int":32}}, optional: true },
    { name: "hoist", type: {"optional":"bool"}, optional: true },
    { name: "mentionable", type: {"optional":"bool"}, optional: true },
    { name: "self_assignable", type: {"optional":"bool"}, optional: true },
    { name: "category", type: {"optional":"text"}, optional: true },
  ],
  DeleteRole: [
    { name: "nonce", type: "text", optional: false },
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
  ],
  ReorderRoles: [
    { name: "nonce", type: "text", optional: false },
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
    { name: "position", type: {"optional":{"int":32}}, optional: true },
  ],
  SetRolePermissions: [
    { name: "nonce", type: "text", optional: false },
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
    { name: "permissions", type: {"flags":"Permissions"}, optional: false },
  ],
  AddSelfRole: [
    { name: "nonce", type: "text", optional: false },
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
  ],
  RemoveSelfRole: [
    { name: "nonce", type: "text", optional: false },
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
  ],
  SetOverride: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "kind", type: {"enum":"TargetKind"}, optional: false },
    { name: "target", type: {"id":"AnyId"}, optional: false },
    { name: "allow", type: {"flags":"Permissions"}, optional: false },
    { name: "deny", type: {"flags":"Permissions"}, optional: false },
  ],
  ClearOverride: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "kind", type: {"enum":"TargetKind"}, optional: false },
    { name: "target", type: {"id":"AnyId"}, optional: false },
  ],
  ListRoles: [],
  GetRolePermissions: [
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
  ],
  ListSelfRoles: [],
  ExplainPermissions: [
    { name: "channel_id", type: {"optional":{"id":"ChannelId"}}, optional: true },
    { name: "user_id", type: {"optional":{"id":"UserId"}}, optional: true },
  ],
  CreateChannel: [
    { name: "nonce", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
    { name: "topic", type: {"optional":"text"}, optional: true },
    { name: "overrides", type: {"list":{"struct":"Override"}}, optional: true },
    { name: "kind", type: {"enum":"ChannelKind"}, optional: true },
    { name: "parent_id", type: {"optional":{"id":"ChannelId"}}, optional: true },
    { name: "slow_mode", type: {"int":32}, optional: true },
  ],
  Override: [
    { name: "kind", type: {"enum":"TargetKind"}, optional: false },
    { name: "target", type: {"id":"AnyId"}, optional: false },
    { name: "allow", type: {"flags":"Permissions"}, optional: false },
    { name: "deny", type: {"flags":"Permissions"}, optional: false },
  ],
  UpdateChannel: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "name", type: {"optional":"text"}, optional: true },
    { name: "topic", type: {"optional":"text"}, optional: true },
    { name: "position", type: {"optional":{"int":32}}, optional: true },
    { name: "overrides", type: {"optional":{"list":{"struct":"Override"}}}, optional: true },
    { name: "slow_mode", type: {"optional":{"int":32}}, optional: true },
  ],
  DeleteChannel: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
  ],
  MoveChannel: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "position", type: {"int":32}, optional: false },
    { name: "parent_id", type: {"optional":{"id":"ChannelId"}}, optional: true },
  ],
  GetChannels: [],
  NewMessage: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "content", type: "text", optional: false },
    { name: "reply_to", type: {"optional":{"id":"MessageId"}}, optional: true },
    { name: "silent_reply", type: "bool", optional: true },
  ],
  EditMessage: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "content", type: "text", optional: false },
  ],
  DeleteMessage: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
  ],
  PinMessage: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
  ],
  UnpinMessage: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
  ],
  AddReaction: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "emoji", type: "text", optional: false },
  ],
  RemoveReaction: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "emoji", type: "text", optional: false },
    { name: "user_id", type: {"optional":{"id":"UserId"}}, optional: true },
  ],
  DeleteMessages: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_ids", type: {"list":{"id":"MessageId"}}, optional: false },
  ],
  GetMessage: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
  ],
  GetMessages: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "before", type: {"optional":{"int":53}}, optional: true },
    { name: "after", type: {"optional":{"int":53}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  ListPins: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "before", type: {"optional":{"int":53}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  ListReactors: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "emoji", type: "text", optional: false },
    { name: "after", type: {"optional":{"id":"UserId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  ListVersions: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "before", type: {"optional":{"int":53}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  GetMessagesAround: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  GetReplies: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "after", type: {"optional":{"int":53}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  SignalTyping: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
  ],
  AckUnread: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
  ],
  MarkUnread: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
    { name: "seen", type: {"int":53}, optional: false },
  ],
  GetUnreads: [
    { name: "newer_than", type: {"optional":{"int":53}}, optional: true },
    { name: "after", type: {"optional":{"id":"ChannelId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  CountUnreads: [
    { name: "after", type: {"optional":{"id":"ServerId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  ListMentions: [
    { name: "before", type: {"optional":{"id":"MessageId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  GetRateLimits: [],
  ResetRateLimits: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  SearchMessages: [
    { name: "query", type: "text", optional: true },
    { name: "filter", type: {"optional":{"struct":"SearchFilter"}}, optional: true },
    { name: "before", type: {"optional":{"id":"MessageId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  SearchFilter: [
    { name: "words", type: {"list":"text"}, optional: true },
    { name: "from", type: {"list":{"id":"UserId"}}, optional: true },
    { name: "channels", type: {"list":{"id":"ChannelId"}}, optional: true },
    { name: "has", type: {"list":{"enum":"Has"}}, optional: true },
    { name: "before", type: {"optional":{"int":53}}, optional: true },
    { name: "after", type: {"optional":{"int":53}}, optional: true },
    { name: "mentions", type: {"list":{"id":"AnyId"}}, optional: true },
    { name: "pinned", type: "bool", optional: true },
  ],
  SetStatus: [
    { name: "nonce", type: "text", optional: false },
    { name: "status", type: {"enum":"StatusKind"}, optional: false },
    { name: "text", type: {"optional":"text"}, optional: true },
    { name: "until", type: {"optional":{"int":53}}, optional: true },
  ],
  GetStatus: [],
  GetPresences: [
    { name: "user_ids", type: {"list":{"id":"UserId"}}, optional: false },
  ],
  WatchPresences: [
    { name: "user_ids", type: {"list":{"id":"UserId"}}, optional: false },
  ],
  ListOnline: [
    { name: "place", type: {"optional":{"struct":"MemberPlace"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  SubscribePush: [
    { name: "nonce", type: "text", optional: false },
    { name: "endpoint", type: "text", optional: false },
    { name: "p256dh", type: "text", optional: false },
    { name: "auth", type: "text", optional: false },
    { name: "name", type: "text", optional: false },
    { name: "key", type: {"optional":"text"}, optional: true },
  ],
  UnsubscribePush: [
    { name: "nonce", type: "text", optional: false },
    { name: "device_id", type: {"optional":{"id":"PushDeviceId"}}, optional: true },
    { name: "endpoint", type: {"optional":"text"}, optional: true },
  ],
  TestPush: [
    { name: "nonce", type: "text", optional: false },
    { name: "device_id", type: {"optional":{"id":"PushDeviceId"}}, optional: true },
  ],
  SetPushDevice: [
    { name: "nonce", type: "text", optional: false },
    { name: "device_id", type: {"id":"PushDeviceId"}, optional: false },
    { name: "off", type: "bool", optional: false },
  ],
  GetVapid: [],
  ListPushDevices: [],
  SetNotificationLevel: [
    { name: "scope_id", type: {"optional":{"id":"AnyId"}}, optional: false },
    { name: "level", type: {"optional":{"enum":"NotificationLevel"}}, optional: false },
    { name: "muted_until", type: {"optional":{"int":53}}, optional: false },
    { name: "no_everyone", type: "bool", optional: false },
    { name: "seen", type: {"int":53}, optional: false },
  ],
  SetNotifications: [
    { name: "nonce", type: "text", optional: false },
    { name: "quiet", type: {"optional":{"struct":"QuietHours"}}, optional: false },
    { name: "keywords", type: {"list":"text"}, optional: false },
    { name: "private", type: "bool", optional: false },
  ],
  QuietHours: [
    { name: "from", type: {"int":32}, optional: false },
    { name: "to", type: {"int":32}, optional: false },
    { name: "zone", type: "text", optional: false },
  ],
  ListNotificationLevels: [
    { name: "newer_than", type: {"optional":{"int":53}}, optional: true },
    { name: "after", type: {"optional":{"id":"AnyId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  GetNotifications: [],
  ExplainNotification: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
  ],
  Ping: [],
  ReportMessage: [
    { name: "nonce", type: "text", optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "category", type: {"enum":"ReportCategory"}, optional: false },
    { name: "text", type: "text", optional: true },
  ],
  ResolveReport: [
    { name: "nonce", type: "text", optional: false },
    { name: "report_id", type: {"id":"ReportId"}, optional: false },
    { name: "resolution", type: {"enum":"Resolution"}, optional: false },
    { name: "note", type: "text", optional: true },
  ],
  CreateRule: [
    { name: "nonce", type: "text", optional: false },
    { name: "settings", type: {"struct":"RuleSettings"}, optional: false },
  ],
  RuleSettings: [
    { name: "name", type: "text", optional: false },
    { name: "kind", type: {"enum":"RuleKind"}, optional: false },
    { name: "action", type: {"enum":"RuleAction"}, optional: false },
    { name: "enabled", type: "bool", optional: false },
    { name: "words", type: {"list":"text"}, optional: true },
    { name: "limit", type: {"int":32}, optional: true },
    { name: "seconds", type: {"int":32}, optional: true },
    { name: "lock_seconds", type: {"int":32}, optional: true },
    { name: "exempt_roles", type: {"list":{"id":"RoleId"}}, optional: true },
    { name: "exempt_channels", type: {"list":{"id":"ChannelId"}}, optional: true },
    { name: "timeout_seconds", type: {"int":32}, optional: true },
  ],
  UpdateRule: [
    { name: "nonce", type: "text", optional: false },
    { name: "rule_id", type: {"id":"RuleId"}, optional: false },
    { name: "settings", type: {"struct":"RuleSettings"}, optional: false },
  ],
  DeleteRule: [
    { name: "nonce", type: "text", optional: false },
    { name: "rule_id", type: {"id":"RuleId"}, optional: false },
  ],
  SetLockdown: [
    { name: "nonce", type: "text", optional: false },
    { name: "no_joining", type: "bool", optional: true },
    { name: "speakers", type: {"optional":{"id":"RoleId"}}, optional: true },
    { name: "seconds", type: {"optional":{"int":32}}, optional: true },
    { name: "reason", type: "text", optional: true },
  ],
  GetModlog: [
    { name: "before", type: {"optional":{"id":"EntryId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
    { name: "actor_id", type: {"optional":{"id":"UserId"}}, optional: true },
    { name: "target_id", type: {"optional":{"id":"AnyId"}}, optional: true },
    { name: "action", type: {"optional":{"enum":"Action"}}, optional: true },
  ],
  SummarizeModlog: [
    { name: "days", type: {"optional":{"int":32}}, optional: true },
  ],
  ListReports: [
    { name: "resolved", type: "bool", optional: true },
    { name: "before", type: {"optional":{"id":"ReportId"}}, optional: true },
    { name: "limit", type: {"optional":{"int":32}}, optional: true },
  ],
  ListRules: [],
  TestRules: [
    { name: "text", type: {"optional":"text"}, optional: true },
    { name: "channel_id", type: {"optional":{"id":"ChannelId"}}, optional: true },
    { name: "settings", type: {"optional":{"struct":"RuleSettings"}}, optional: true },
  ],
  GetDeploymentStatus: [],
  Identify: [
    { name: "token", type: "text", optional: false },
  ],
  Resume: [
    { name: "token", type: "text", optional: false },
    { name: "epoch", type: "text", optional: false },
    { name: "topics", type: {"list":{"struct":"TopicSeq"}}, optional: false },
  ],
  TopicSeq: [
    { name: "topic", type: {"id":"AnyId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
  ],
  Heartbeat: [
    { name: "number", type: {"int":53}, optional: false },
    { name: "idle", type: {"optional":"bool"}, optional: true },
  ],
  Export: [
    { name: "started_at", type: {"int":53}, optional: false },
    { name: "finished_at", type: {"optional":{"int":53}}, optional: false },
    { name: "expires_at", type: {"int":53}, optional: false },
    { name: "parts", type: {"int":32}, optional: false },
    { name: "bytes", type: {"int":53}, optional: false },
    { name: "cut", type: "bool", optional: false },
  ],
  Identity: [
    { name: "user", type: {"struct":"User"}, optional: false },
    { name: "session_id", type: {"id":"SessionId"}, optional: false },
  ],
  User: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "guest", type: "bool", optional: false },
    { name: "admin", type: "bool", optional: false },
    { name: "avatar", type: "text", optional: true },
    { name: "deleted", type: "bool", optional: true },
  ],
  Deployment: [
    { name: "name", type: "text", optional: false },
    { name: "signup", type: {"enum":"SignUp"}, optional: false },
    { name: "guests", type: "bool", optional: false },
    { name: "empty", type: "bool", optional: false },
  ],
  ExportPart: [
    { name: "export", type: {"struct":"Export"}, optional: false },
    { name: "lines", type: {"optional":"text"}, optional: false },
  ],
  SignedIn: [
    { name: "token", type: "text", optional: false },
    { name: "user", type: {"struct":"User"}, optional: false },
    { name: "session_id", type: {"id":"SessionId"}, optional: false },
  ],
  Sessions: [
    { name: "sessions", type: {"list":{"struct":"SessionInfo"}}, optional: false },
  ],
  SessionInfo: [
    { name: "session_id", type: {"id":"SessionId"}, optional: false },
    { name: "device", type: "text", optional: false },
  ],
  ServerInfo: [
    { name: "server", type: {"struct":"Server"}, optional: false },
    { name: "roles", type: {"list":{"struct":"Role"}}, optional: false },
    { name: "channels", type: {"list":{"struct":"Channel"}}, optional: false },
    { name: "lockdown", type: {"optional":{"struct":"Lockdown"}}, optional: true },
  ],
  Server: [
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "owner_id", type: {"id":"UserId"}, optional: false },
    { name: "icon", type: "text", optional: true },
    { name: "description", type: "text", optional: true },
    { name: "discoverable", type: "bool", optional: true },
  ],
  Role: [
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "permissions", type: {"flags":"Permissions"}, optional: false },
    { name: "position", type: {"int":32}, optional: true },
    { name: "colour", type: {"optional":{"int":32}}, optional: true },
    { name: "hoist", type: "bool", optional: true },
    { name: "mentionable", type: "bool", optional: true },
    { name: "self_assignable", type: "bool", optional: true },
    { name: "category", type: {"optional":"text"}, optional: true },
  ],
  Channel: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "topic", type: "text", optional: false },
    { name: "position", type: {"int":32}, optional: false },
    { name: "overrides", type: {"list":{"struct":"Override"}}, optional: false },
    { name: "last_seq", type: {"int":53}, optional: false },
    { name: "last_message_id", type: {"optional":{"id":"MessageId"}}, optional: false },
    { name: "kind", type: {"enum":"ChannelKind"}, optional: true },
    { name: "parent_id", type: {"optional":{"id":"ChannelId"}}, optional: true },
    { name: "slow_mode", type: {"int":32}, optional: true },
  ],
  Lockdown: [
    { name: "no_joining", type: "bool", optional: false },
    { name: "speakers", type: {"optional":{"id":"RoleId"}}, optional: false },
    { name: "until", type: {"optional":{"int":53}}, optional: false },
  ],
  Servers: [
    { name: "servers", type: {"list":{"struct":"Server"}}, optional: false },
  ],
  Overviews: [
    { name: "servers", type: {"list":{"struct":"Overview"}}, optional: false },
    { name: "next", type: {"optional":{"id":"ServerId"}}, optional: true },
  ],
  Overview: [
    { name: "info", type: {"struct":"ServerInfo"}, optional: false },
    { name: "member", type: {"struct":"Member"}, optional: false },
    { name: "head", type: {"int":53}, optional: false },
    { name: "rights_version", type: {"int":53}, optional: false },
  ],
  Member: [
    { name: "user", type: {"struct":"User"}, optional: false },
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
    { name: "nickname", type: {"optional":"text"}, optional: true },
    { name: "joined_at", type: {"optional":{"int":53}}, optional: true },
    { name: "timeout_until", type: {"optional":{"int":53}}, optional: true },
  ],
  DiscoveredServers: [
    { name: "servers", type: {"list":{"struct":"DiscoveredServer"}}, optional: false },
  ],
  DiscoveredServer: [
    { name: "server", type: {"struct":"Server"}, optional: false },
    { name: "member_count", type: {"int":32}, optional: false },
  ],
  InviteCreated: [
    { name: "code", type: "text", optional: false },
  ],
  InvitePreview: [
    { name: "server", type: {"optional":{"struct":"Server"}}, optional: false },
    { name: "uses_left", type: {"optional":{"int":32}}, optional: false },
    { name: "expires_at", type: {"optional":{"int":53}}, optional: false },
    { name: "opens_account", type: "bool", optional: true },
  ],
  Invites: [
    { name: "invites", type: {"list":{"struct":"Invite"}}, optional: false },
  ],
  Invite: [
    { name: "code", type: "text", optional: false },
    { name: "creator_id", type: {"id":"UserId"}, optional: false },
    { name: "created_at", type: {"int":53}, optional: false },
    { name: "uses", type: {"int":32}, optional: false },
    { name: "max_uses", type: {"optional":{"int":32}}, optional: false },
    { name: "expires_at", type: {"optional":{"int":53}}, optional: false },
    { name: "revoked", type: "bool", optional: false },
  ],
  InviteUses: [
    { name: "uses", type: {"list":{"struct":"InviteUse"}}, optional: false },
  ],
  InviteUse: [
    { name: "user", type: {"struct":"User"}, optional: false },
    { name: "used_at", type: {"int":53}, optional: false },
  ],
  ShownMember: [
    { name: "member", type: {"struct":"Member"}, optional: false },
    { name: "mutes", type: {"list":{"struct":"Mute"}}, optional: true },
  ],
  Mute: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "until", type: {"int":53}, optional: false },
  ],
  MemberRoles: [
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
  ],
  Bans: [
    { name: "bans", type: {"list":{"struct":"Ban"}}, optional: false },
  ],
  Ban: [
    { name: "user", type: {"struct":"User"}, optional: false },
    { name: "terms", type: {"struct":"BanTerms"}, optional: false },
  ],
  BanTerms: [
    { name: "reason", type: "text", optional: false },
    { name: "banned_by", type: {"optional":{"id":"UserId"}}, optional: false },
    { name: "banned_at", type: {"int":53}, optional: false },
    { name: "until", type: {"optional":{"int":53}}, optional: false },
  ],
  MemberPage: [
    { name: "members", type: {"list":{"struct":"Member"}}, optional: false },
    { name: "next", type: {"optional":{"struct":"MemberPlace"}}, optional: false },
  ],
  Users: [
    { name: "members", type: {"list":{"struct":"Member"}}, optional: false },
  ],
  Profile: [
    { name: "user", type: {"struct":"User"}, optional: false },
    { name: "bio", type: "text", optional: false },
    { name: "locale", type: "text", optional: false },
  ],
  FoundUsers: [
    { name: "users", type: {"list":{"struct":"User"}}, optional: false },
  ],
  SearchedUsers: [
    { name: "users", type: {"list":{"struct":"User"}}, optional: false },
    { name: "more", type: "bool", optional: false },
  ],
  RoleCreated: [
    { name: "role", type: {"struct":"Role"}, optional: false },
    { name: "order", type: {"list":{"id":"RoleId"}}, optional: false },
  ],
  RoleUpdated: [
    { name: "role", type: {"struct":"Role"}, optional: false },
  ],
  OwnRoles: [
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
  ],
  Roles: [
    { name: "roles", type: {"list":{"struct":"Role"}}, optional: false },
  ],
  RolePermissions: [
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
    { name: "permissions", type: {"flags":"Permissions"}, optional: false },
  ],
  SelfRoles: [
    { name: "roles", type: {"list":{"struct":"Role"}}, optional: false },
    { name: "held", type: {"list":{"id":"RoleId"}}, optional: false },
  ],
  PermissionsExplained: [
    { name: "permissions", type: {"flags":"Permissions"}, optional: false },
    { name: "steps", type: {"list":{"struct":"Step"}}, optional: false },
  ],
  Step: [
    { name: "cause", type: {"enum":"Cause"}, optional: false },
    { name: "role_id", type: {"optional":{"id":"RoleId"}}, optional: false },
    { name: "user_id", type: {"optional":{"id":"UserId"}}, optional: false },
    { name: "allow", type: {"flags":"Permissions"}, optional: false },
    { name: "deny", type: {"flags":"Permissions"}, optional: false },
  ],
  ChannelCreated: [
    { name: "channel", type: {"struct":"Channel"}, optional: false },
  ],
  Channels: [
    { name: "channels", type: {"list":{"struct":"Channel"}}, optional: false },
  ],
  MessageSent: [
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
  ],
  MessagesDeleted: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_ids", type: {"list":{"id":"MessageId"}}, optional: false },
  ],
  Message: [
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
    { name: "author_id", type: {"id":"UserId"}, optional: false },
    { name: "content", type: "text", optional: false },
    { name: "reply_to", type: {"optional":{"id":"MessageId"}}, optional: false },
    { name: "edited_at", type: {"optional":{"int":53}}, optional: false },
    { name: "mentions", type: {"list":{"id":"AnyId"}}, optional: true },
    { name: "pinned", type: "bool", optional: true },
    { name: "reactions", type: {"list":{"struct":"Reaction"}}, optional: true },
  ],
  Reaction: [
    { name: "emoji", type: "text", optional: false },
    { name: "count", type: {"int":32}, optional: false },
    { name: "me", type: "bool", optional: false },
  ],
  Messages: [
    { name: "messages", type: {"list":{"struct":"Message"}}, optional: false },
    { name: "more", type: "bool", optional: true },
  ],
  PinnedMessages: [
    { name: "pins", type: {"list":{"struct":"Pin"}}, optional: false },
    { name: "more", type: "bool", optional: true },
  ],
  Pin: [
    { name: "message", type: {"struct":"Message"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "pinned_at", type: {"int":53}, optional: false },
    { name: "place", type: {"int":53}, optional: false },
  ],
  Reactors: [
    { name: "user_ids", type: {"list":{"id":"UserId"}}, optional: false },
  ],
  MessageVersions: [
    { name: "versions", type: {"list":{"struct":"Version"}}, optional: false },
    { name: "more", type: "bool", optional: true },
  ],
  Version: [
    { name: "content", type: "text", optional: false },
    { name: "replaced_at", type: {"int":53}, optional: false },
    { name: "place", type: {"int":53}, optional: false },
  ],
  MessagesAround: [
    { name: "messages", type: {"list":{"struct":"Message"}}, optional: false },
    { name: "more_before", type: "bool", optional: false },
    { name: "more_after", type: "bool", optional: false },
  ],
  ReadCursor: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
    { name: "version", type: {"int":53}, optional: false },
  ],
  Unreads: [
    { name: "unreads", type: {"list":{"struct":"Unread"}}, optional: false },
    { name: "version", type: {"int":53}, optional: false },
    { name: "next", type: {"optional":{"id":"ChannelId"}}, optional: true },
  ],
  Unread: [
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
    { name: "cursor", type: {"struct":"ReadCursor"}, optional: false },
    { name: "last_seq", type: {"int":53}, optional: false },
    { name: "unread", type: {"int":53}, optional: false },
  ],
  UnreadCounts: [
    { name: "servers", type: {"list":{"struct":"ServerUnread"}}, optional: false },
    { name: "more_mentions", type: "bool", optional: false },
    { name: "next", type: {"optional":{"id":"ServerId"}}, optional: false },
  ],
  ServerUnread: [
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
    { name: "channels", type: {"int":32}, optional: false },
    { name: "messages", type: {"int":53}, optional: false },
    { name: "mentions", type: {"int":32}, optional: false },
  ],
  MentionPage: [
    { name: "mentions", type: {"list":{"struct":"MentioningMessage"}}, optional: false },
    { name: "next", type: {"optional":{"id":"MessageId"}}, optional: false },
  ],
  MentioningMessage: [
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message", type: {"struct":"Message"}, optional: false },
    { name: "read", type: "bool", optional: false },
  ],
  RateLimits: [
    { name: "buckets", type: {"list":{"struct":"RateLimitStatus"}}, optional: false },
  ],
  RateLimitStatus: [
    { name: "bucket", type: {"enum":"RateLimit"}, optional: false },
    { name: "burst", type: {"int":32}, optional: false },
    { name: "left", type: {"int":32}, optional: false },
    { name: "retry_after", type: {"int":53}, optional: false },
    { name: "whole_after", type: {"int":53}, optional: false },
  ],
  FoundMessages: [
    { name: "messages", type: {"list":{"struct":"FoundMessage"}}, optional: false },
    { name: "next", type: {"optional":{"id":"MessageId"}}, optional: false },
  ],
  FoundMessage: [
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message", type: {"struct":"Message"}, optional: false },
  ],
  StatusSet: [
    { name: "version", type: {"int":53}, optional: false },
  ],
  Status: [
    { name: "status", type: {"enum":"StatusKind"}, optional: false },
    { name: "text", type: "text", optional: false },
    { name: "until", type: {"optional":{"int":53}}, optional: false },
    { name: "version", type: {"int":53}, optional: false },
  ],
  Presences: [
    { name: "members", type: {"list":{"struct":"MemberPresence"}}, optional: false },
  ],
  MemberPresence: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "state", type: {"enum":"PresenceState"}, optional: false },
    { name: "text", type: "text", optional: false },
  ],
  OnlinePage: [
    { name: "members", type: {"list":{"struct":"OnlineMember"}}, optional: false },
    { name: "next", type: {"optional":{"struct":"MemberPlace"}}, optional: false },
  ],
  OnlineMember: [
    { name: "member", type: {"struct":"Member"}, optional: false },
    { name: "role_id", type: {"optional":{"id":"RoleId"}}, optional: false },
    { name: "state", type: {"enum":"PresenceState"}, optional: false },
    { name: "text", type: "text", optional: false },
  ],
  PushDevice: [
    { name: "device_id", type: {"id":"PushDeviceId"}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "failing_since", type: {"optional":{"int":53}}, optional: false },
    { name: "gone", type: "bool", optional: false },
    { name: "off", type: "bool", optional: true },
  ],
  PushTested: [
    { name: "devices", type: {"int":32}, optional: false },
  ],
  Vapid: [
    { name: "key", type: "text", optional: false },
  ],
  PushDevices: [
    { name: "devices", type: {"list":{"struct":"PushDevice"}}, optional: false },
  ],
  LevelState: [
    { name: "scope_id", type: {"optional":{"id":"AnyId"}}, optional: false },
    { name: "level", type: {"optional":{"enum":"NotificationLevel"}}, optional: false },
    { name: "muted_until", type: {"optional":{"int":53}}, optional: false },
    { name: "no_everyone", type: "bool", optional: false },
    { name: "version", type: {"int":53}, optional: false },
  ],
  NotificationsSet: [
    { name: "version", type: {"int":53}, optional: false },
  ],
  LevelPage: [
    { name: "levels", type: {"list":{"struct":"LevelState"}}, optional: false },
    { name: "version", type: {"int":53}, optional: false },
    { name: "next", type: {"optional":{"id":"AnyId"}}, optional: false },
  ],
  Notifications: [
    { name: "quiet", type: {"optional":{"struct":"QuietHours"}}, optional: false },
    { name: "keywords", type: {"list":"text"}, optional: false },
    { name: "private", type: "bool", optional: false },
    { name: "version", type: {"int":53}, optional: false },
  ],
  NotificationExplained: [
    { name: "reason", type: {"optional":{"enum":"NotificationReason"}}, optional: false },
    { name: "steps", type: {"list":{"struct":"NotificationStep"}}, optional: false },
    { name: "state", type: {"optional":{"enum":"NotificationState"}}, optional: false },
  ],
  NotificationStep: [
    { name: "rule", type: {"enum":"NotificationRule"}, optional: false },
    { name: "scope", type: {"optional":{"enum":"LevelScope"}}, optional: false },
    { name: "holds", type: "bool", optional: false },
  ],
  Pong: [
    { name: "now", type: {"int":53}, optional: false },
  ],
  MessageReported: [
    { name: "report_id", type: {"id":"ReportId"}, optional: false },
  ],
  Rule: [
    { name: "rule_id", type: {"id":"RuleId"}, optional: false },
    { name: "settings", type: {"struct":"RuleSettings"}, optional: false },
    { name: "maker_id", type: {"optional":{"id":"UserId"}}, optional: true },
  ],
  Modlog: [
    { name: "entries", type: {"list":{"struct":"AuditEntry"}}, optional: false },
    { name: "next", type: {"optional":{"id":"EntryId"}}, optional: false },
  ],
  AuditEntry: [
    { name: "entry_id", type: {"id":"EntryId"}, optional: false },
    { name: "action", type: {"enum":"Action"}, optional: false },
    { name: "actor_id", type: {"optional":{"id":"UserId"}}, optional: false },
    { name: "target_id", type: {"optional":{"id":"AnyId"}}, optional: false },
    { name: "reason", type: "text", optional: false },
    { name: "before", type: {"optional":"text"}, optional: false },
    { name: "after", type: {"optional":"text"}, optional: false },
  ],
  ModlogSummary: [
    { name: "total", type: {"int":53}, optional: false },
    { name: "since", type: {"int":53}, optional: false },
    { name: "actions", type: {"list":{"struct":"ActionCount"}}, optional: false },
    { name: "actors", type: {"list":{"struct":"ActorCount"}}, optional: false },
  ],
  ActionCount: [
    { name: "action", type: {"enum":"Action"}, optional: false },
    { name: "count", type: {"int":53}, optional: false },
  ],
  ActorCount: [
    { name: "actor_id", type: {"optional":{"id":"UserId"}}, optional: false },
    { name: "count", type: {"int":53}, optional: false },
  ],
  Reports: [
    { name: "reports", type: {"list":{"struct":"Report"}}, optional: false },
  ],
  Report: [
    { name: "report_id", type: {"id":"ReportId"}, optional: false },
    { name: "reporter_id", type: {"optional":{"id":"UserId"}}, optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "author_id", type: {"id":"UserId"}, optional: false },
    { name: "category", type: {"enum":"ReportCategory"}, optional: false },
    { name: "text", type: "text", optional: false },
    { name: "content", type: {"optional":"text"}, optional: false },
    { name: "outcome", type: {"optional":{"struct":"ReportOutcome"}}, optional: false },
  ],
  ReportOutcome: [
    { name: "resolution", type: {"enum":"Resolution"}, optional: false },
    { name: "resolver_id", type: {"id":"UserId"}, optional: false },
    { name: "resolved_at", type: {"int":53}, optional: false },
    { name: "note", type: "text", optional: false },
  ],
  Rules: [
    { name: "rules", type: {"list":{"struct":"Rule"}}, optional: false },
  ],
  RuleTest: [
    { name: "findings", type: {"list":{"struct":"RuleFinding"}}, optional: false },
    { name: "messages", type: {"int":32}, optional: false },
  ],
  RuleFinding: [
    { name: "message_id", type: {"optional":{"id":"MessageId"}}, optional: false },
    { name: "rule_id", type: {"optional":{"id":"RuleId"}}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "action", type: {"enum":"RuleAction"}, optional: false },
    { name: "found", type: "text", optional: false },
  ],
  DeploymentStatus: [
    { name: "nodes", type: {"list":{"struct":"NodeStatus"}}, optional: false },
    { name: "online", type: {"int":32}, optional: false },
    { name: "accounts", type: {"int":53}, optional: false },
    { name: "servers", type: {"int":53}, optional: false },
    { name: "messages", type: {"int":53}, optional: false },
    { name: "database_bytes", type: {"int":53}, optional: false },
    { name: "waiting_commands", type: {"int":53}, optional: false },
    { name: "oldest_work_ms", type: {"int":53}, optional: false },
    { name: "parked", type: {"int":32}, optional: false },
    { name: "unread_events", type: {"int":53}, optional: false },
    { name: "epoch", type: "text", optional: false },
  ],
  NodeStatus: [
    { name: "kind", type: {"enum":"NodeKind"}, optional: false },
    { name: "name", type: "text", optional: false },
    { name: "version", type: {"optional":"text"}, optional: false },
    { name: "since", type: {"optional":{"int":53}}, optional: false },
    { name: "load", type: {"optional":{"int":32}}, optional: false },
    { name: "gone", type: {"optional":{"int":53}}, optional: false },
  ],
  SessionOpened: [
    { name: "session", type: {"struct":"SessionInfo"}, optional: false },
  ],
  SessionClosed: [
    { name: "session_id", type: {"id":"SessionId"}, optional: false },
  ],
  AccountUpdated: [
    { name: "profile", type: {"struct":"Profile"}, optional: false },
  ],
  ServerJoined: [
    { name: "server", type: {"struct":"Server"}, optional: false },
  ],
  ServerLeft: [
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
    { name: "cause", type: {"enum":"LeaveCause"}, optional: true },
  ],
  MemberJoined: [
    { name: "member", type: {"struct":"Member"}, optional: false },
  ],
  MemberLeft: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  ServerUpdated: [
    { name: "server", type: {"struct":"Server"}, optional: false },
  ],
  ServerDeleted: [
    { name: "server_id", type: {"id":"ServerId"}, optional: false },
  ],
  MemberRolesChanged: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "roles", type: {"list":{"id":"RoleId"}}, optional: false },
  ],
  NicknameChanged: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "nickname", type: {"optional":"text"}, optional: false },
  ],
  MemberTimedOut: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "until", type: {"optional":{"int":53}}, optional: false },
  ],
  ChannelMuted: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "mute", type: {"struct":"Mute"}, optional: false },
  ],
  ChannelUnmuted: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
  ],
  UserUpdated: [
    { name: "user", type: {"struct":"User"}, optional: false },
  ],
  RoleDeleted: [
    { name: "role_id", type: {"id":"RoleId"}, optional: false },
    { name: "order", type: {"list":{"id":"RoleId"}}, optional: false },
  ],
  RolesReordered: [
    { name: "order", type: {"list":{"id":"RoleId"}}, optional: false },
  ],
  ChannelUpdated: [
    { name: "channel", type: {"struct":"Channel"}, optional: false },
  ],
  ChannelDeleted: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
  ],
  ChannelsMoved: [
    { name: "channels", type: {"list":{"struct":"ChannelPlace"}}, optional: false },
  ],
  ChannelPlace: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "position", type: {"int":32}, optional: false },
    { name: "parent_id", type: {"optional":{"id":"ChannelId"}}, optional: false },
  ],
  MessageCreated: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message", type: {"struct":"Message"}, optional: false },
  ],
  MessageEdited: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "content", type: "text", optional: false },
    { name: "edited_at", type: {"int":53}, optional: false },
    { name: "mentions", type: {"list":{"id":"AnyId"}}, optional: true },
  ],
  MessageDeleted: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
  ],
  MessagePinned: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "pinned_at", type: {"int":53}, optional: false },
  ],
  MessageUnpinned: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  ReactionAdded: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "emoji", type: "text", optional: false },
    { name: "count", type: {"int":32}, optional: false },
  ],
  ReactionRemoved: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "message_id", type: {"id":"MessageId"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "emoji", type: "text", optional: false },
    { name: "count", type: {"int":32}, optional: false },
  ],
  TypingStarted: [
    { name: "channel_id", type: {"id":"ChannelId"}, optional: false },
    { name: "user_id", type: {"id":"UserId"}, optional: false },
  ],
  UnreadMoved: [
    { name: "cursor", type: {"struct":"ReadCursor"}, optional: false },
  ],
  StatusUpdated: [
    { name: "status", type: {"enum":"StatusKind"}, optional: false },
    { name: "until", type: {"optional":{"int":53}}, optional: false },
    { name: "version", type: {"int":53}, optional: false },
  ],
  PresenceChanged: [
    { name: "changes", type: {"list":{"struct":"PresenceChange"}}, optional: false },
  ],
  PresenceChange: [
    { name: "user_id", type: {"id":"UserId"}, optional: false },
    { name: "state", type: {"enum":"PresenceState"}, optional: false },
  ],
  NotificationLevelChanged: [
    { name: "level", type: {"struct":"LevelState"}, optional: false },
  ],
  NotificationsUpdated: [
    { name: "version", type: {"int":53}, optional: false },
  ],
  LockdownChanged: [
    { name: "lockdown", type: {"optional":{"struct":"Lockdown"}}, optional: false },
  ],
  Hello: [
    { name: "node", type: "text", optional: false },
    { name: "heartbeat_ms", type: {"int":53}, optional: false },
    { name: "max_frame_bytes", type: {"int":53}, optional: false },
  ],
  Ready: [
    { name: "session_id", type: {"id":"SessionId"}, optional: false },
    { name: "user", type: {"struct":"User"}, optional: false },
    { name: "epoch", type: "text", optional: false },
    { name: "servers", type: {"list":{"struct":"Server"}}, optional: false },
    { name: "topics", type: {"list":{"struct":"TopicSeq"}}, optional: false },
    { name: "registers", type: {"int":53}, optional: true },
    { name: "sent_at", type: {"int":53}, optional: true },
    { name: "push", type: "bool", optional: true },
  ],
  Cursor: [
    { name: "topics", type: {"list":{"struct":"TopicSeq"}}, optional: false },
  ],
  Reconnect: [
    { name: "delay_ms", type: {"int":53}, optional: false },
  ],
  Gap: [
    { name: "topic", type: {"id":"AnyId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
  ],
  Sight: [
    { name: "topic", type: {"id":"AnyId"}, optional: false },
    { name: "seq", type: {"int":53}, optional: false },
    { name: "shown", type: {"list":{"id":"ChannelId"}}, optional: false },
    { name: "hidden", type: {"list":{"id":"ChannelId"}}, optional: false },
  ],
  Registers: [
    { name: "version", type: {"int":53}, optional: false },
  ],
};

/** The numbers of each closed set. */
export const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  SignUp: { open: 0, invite: 1, closed: 2 },
  TargetKind: { role: 0, member: 1 },
  ChannelKind: { text: 0, voice: 1, forum: 2, announcement: 3, category: 4, separator: 5 },
  Has: { link: 0 },
  StatusKind: { online: 0, idle: 1, dnd: 2, invisible: 3 },
  NotificationLevel: { nothing: 0, mentions: 1, all: 2 },
  ReportCategory: { other: 0, spam: 1, abuse: 2, explicit: 3, privacy: 4, illegal: 5, rule: 6 },
  Resolution: { dismissed: 0, acted: 1 },
  RuleKind: { words: 0, links: 1, mentions: 2, repeats: 3, raid: 4 },
  RuleAction: { block: 0, report: 1, timeout: 2 },
  Action: { server_update: 1, server_transfer: 2, invite_create: 3, invite_revoke: 4, channel_create: 10, channel_update: 11, channel_delete: 12, channel_move: 13, override_set: 14, override_clear: 15, role_create: 20, role_update: 21, role_delete: 22, role_reorder: 23, member_kick: 30, member_ban: 31, member_unban: 32, member_timeout: 33, channel_mute: 34, channel_unmute: 35, nickname_update: 36, member_roles: 37, message_delete: 40, messages_delete: 41, message_pin: 42, message_unpin: 43, reaction_remove: 44, report_resolve: 50, rule_create: 51, rule_update: 52, rule_delete: 53, rule_apply: 54, lockdown_set: 55 },
  Cause: { owner: 0, role: 1, administrator: 2, announcement: 3, role_override: 4, member_override: 5, hidden: 6, timeout: 7, mute: 8 },
  RateLimit: { send: 0, write: 1, signal: 2, register: 3, read: 4, search: 5, sign_in: 6, unlimited: 7 },
  PresenceState: { offline: 0, online: 1, idle: 2, dnd: 3 },
  NotificationReason: { mention: 2, reply: 3, role: 4, keyword: 5, everyone: 6, all: 7 },
  NotificationRule: { not_own: 1, readable: 2, not_muted: 3, level: 4, everyone_counts: 5, called: 6, not_quiet: 7, may_be_disturbed: 8, has_device: 9 },
  LevelScope: { deployment: 0, server: 1, category: 2, channel: 3 },
  NotificationState: { waiting: 0, told: 1, read: 2, withdrawn: 3, no_device: 4, failed: 5 },
  NodeKind: { gateway: 0, worker: 1 },
  LeaveCause: { left: 0, kicked: 1, banned: 2 },
};

export const REQUESTS: Readonly<Record<keyof Requests, RequestRow<keyof Structs>>> = {
  logout: { opcode: 144, request: {"struct":"LogOut"}, reply: "unit" },
  signup_policy_set: { opcode: 145, request: {"struct":"SetSignUpPolicy"}, reply: "unit" },
  deployment_rename: { opcode: 146, request: {"struct":"RenameDeployment"}, reply: "unit" },
  account_update: { opcode: 147, request: {"struct":"UpdateAccount"}, reply: "unit" },
  account_export: { opcode: 148, request: {"struct":"StartExport"}, reply: {"struct":"Export"} },
  auth: { opcode: 2176, request: {"struct":"Authenticate"}, reply: {"struct":"Identity"}, anyone: true },
  deployment_info: { opcode: 2180, request: {"struct":"GetDeployment"}, reply: {"struct":"Deployment"}, anyone: true },
  account_export_get: { opcode: 2184, request: {"struct":"GetExport"}, reply: {"struct":"ExportPart"} },
  register: { opcode: 2177, request: {"struct":"CreateAccount"}, reply: {"struct":"SignedIn"}, anyone: true },
  login: { opcode: 2178, request: {"struct":"LogIn"}, reply: {"struct":"SignedIn"}, anyone: true },
  guest: { opcode: 2179, request: {"struct":"JoinAsGuest"}, reply: {"struct":"SignedIn"}, anyone: true },
  password_change: { opcode: 2181, request: {"struct":"ChangePassword"}, reply: "unit" },
  account_register: { opcode: 2182, request: {"struct":"RegisterGuest"}, reply: {"struct":"User"} },
  account_delete: { opcode: 2183, request: {"struct":"DeleteAccount"}, reply: "unit" },
  session_revoke: { opcode: 176, request: {"struct":"RevokeSession"}, reply: "unit" },
  sessions_list: { opcode: 2208, request: {"struct":"ListSessions"}, reply: {"struct":"Sessions"} },
  server_leave: { opcode: 304, request: {"struct":"LeaveServer"}, reply: "unit" },
  server_update: { opcode: 305, request: {"struct":"UpdateServer"}, reply: "unit" },
  server_transfer: { opcode: 306, request: {"struct":"TransferServer"}, reply: "unit" },
  server_delete: { opcode: 307, request: {"struct":"DeleteServer"}, reply: "unit" },
  server_info: { opcode: 2336, request: {"struct":"GetServer"}, reply: {"struct":"ServerInfo"} },
  servers_list: { opcode: 2337, request: {"struct":"ListServers"}, reply: {"struct":"Servers"} },
  servers_overview: { opcode: 2339, request: {"struct":"ListOverviews"}, reply: {"struct":"Overviews"} },
  servers_discover: { opcode: 2340, request: {"struct":"DiscoverServers"}, reply: {"struct":"DiscoveredServers"} },
  server_create: { opcode: 2338, request: {"struct":"CreateServer"}, reply: {"struct":"ServerInfo"} },
  server_join: { opcode: 2341, request: {"struct":"JoinServer"}, reply: {"struct":"ServerInfo"} },
  invite_create: { opcode: 336, request: {"struct":"CreateInvite"}, reply: {"struct":"InviteCreated"} },
  invite_revoke: { opcode: 337, request: {"struct":"RevokeInvite"}, reply: "unit" },
  invite_preview: { opcode: 2368, request: {"struct":"PreviewInvite"}, reply: {"struct":"InvitePreview"}, anyone: true },
  invite_list: { opcode: 2370, request: {"struct":"ListInvites"}, reply: {"struct":"Invites"} },
  invite_uses: { opcode: 2371, request: {"struct":"ListInviteUses"}, reply: {"struct":"InviteUses"} },
  invite_redeem: { opcode: 2369, request: {"struct":"RedeemInvite"}, reply: {"struct":"ServerInfo"} },
  member_kick: { opcode: 368, request: {"struct":"KickMember"}, reply: "unit" },
  user_ban: { opcode: 369, request: {"struct":"BanUser"}, reply: "unit" },
  user_unban: { opcode: 370, request: {"struct":"UnbanUser"}, reply: "unit" },
  user_timeout: { opcode: 371, request: {"struct":"TimeOutMember"}, reply: "unit" },
  channel_mute: { opcode: 372, request: {"struct":"MuteMember"}, reply: "unit" },
  channel_unmute: { opcode: 373, request: {"struct":"UnmuteMember"}, reply: "unit" },
  nickname_update: { opcode: 374, request: {"struct":"SetNickname"}, reply: "unit" },
  nickname_remove: { opcode: 375, request: {"struct":"RemoveNickname"}, reply: "unit" },
  user_roles_set: { opcode: 376, request: {"struct":"SetMemberRoles"}, reply: "unit" },
  user_roles_add: { opcode: 377, request: {"struct":"AddMemberRoles"}, reply: "unit" },
  user_roles_remove: { opcode: 378, request: {"struct":"RemoveMemberRoles"}, reply: "unit" },
  member_get: { opcode: 2400, request: {"struct":"GetMember"}, reply: {"struct":"ShownMember"} },
  user_roles_get: { opcode: 2401, request: {"struct":"GetMemberRoles"}, reply: {"struct":"MemberRoles"} },
  users_banned_list: { opcode: 2402, request: {"struct":"ListBans"}, reply: {"struct":"Bans"} },
  members_list: { opcode: 2403, request: {"struct":"ListMembers"}, reply: {"struct":"MemberPage"} },
  users_list: { opcode: 2240, request: {"struct":"ListUsers"}, reply: {"struct":"Users"} },
  user_get: { opcode: 2241, request: {"struct":"GetUser"}, reply: {"struct":"Profile"} },
  users_get: { opcode: 2242, request: {"struct":"GetUsers"}, reply: {"struct":"FoundUsers"} },
  users_search: { opcode: 2243, request: {"struct":"SearchUsers"}, reply: {"struct":"SearchedUsers"} },
  role_create: { opcode: 400, request: {"struct":"CreateRole"}, reply: {"struct":"RoleCreated"} },
  role_update: { opcode: 401, request: {"struct":"UpdateRole"}, reply: {"struct":"RoleUpdated"} },
  role_delete: { opcode: 402, request: {"struct":"DeleteRole"}, reply: "unit" },
  role_reorder: { opcode: 403, request: {"struct":"ReorderRoles"}, reply: "unit" },
  role_permissions_set: { opcode: 404, request: {"struct":"SetRolePermissions"}, reply: {"struct":"RoleUpdated"} },
  self_role_add: { opcode: 405, request: {"struct":"AddSelfRole"}, reply: {"struct":"OwnRoles"} },
  self_role_remove: { opcode: 406, request: {"struct":"RemoveSelfRole"}, reply: {"struct":"OwnRoles"} },
  override_set: { opcode: 407, request: {"struct":"SetOverride"}, reply: "unit" },
  override_clear: { opcode: 408, request: {"struct":"ClearOverride"}, reply: "unit" },
  roles_list: { opcode: 2432, request: {"struct":"ListRoles"}, reply: {"struct":"Roles"} },
  role_permissions_get: { opcode: 2433, request: {"struct":"GetRolePermissions"}, reply: {"struct":"RolePermissions"} },
  self_roles_list: { opcode: 2434, request: {"struct":"ListSelfRoles"}, reply: {"struct":"SelfRoles"} },
  permission_explain: { opcode: 2435, request: {"struct":"ExplainPermissions"}, reply: {"struct":"PermissionsExplained"} },
  channel_create: { opcode: 432, request: {"struct":"CreateChannel"}, reply: {"struct":"ChannelCreated"} },
  channel_update: { opcode: 433, request: {"struct":"UpdateChannel"}, reply: "unit" },
  channel_delete: { opcode: 434, request: {"struct":"DeleteChannel"}, reply: "unit" },
  channel_move: { opcode: 435, request: {"struct":"MoveChannel"}, reply: "unit" },
  channels_get: { opcode: 2464, request: {"struct":"GetChannels"}, reply: {"struct":"Channels"} },
  message_new: { opcode: 16, request: {"struct":"NewMessage"}, reply: {"struct":"MessageSent"} },
  message_edit: { opcode: 17, request: {"struct":"EditMessage"}, reply: "unit" },
  message_delete: { opcode: 18, request: {"struct":"DeleteMessage"}, reply: "unit" },
  message_pin: { opcode: 19, request: {"struct":"PinMessage"}, reply: "unit" },
  message_unpin: { opcode: 20, request: {"struct":"UnpinMessage"}, reply: "unit" },
  message_react_add: { opcode: 21, request: {"struct":"AddReaction"}, reply: "unit" },
  message_react_remove: { opcode: 22, request: {"struct":"RemoveReaction"}, reply: "unit" },
  messages_delete: { opcode: 23, request: {"struct":"DeleteMessages"}, reply: {"struct":"MessagesDeleted"} },
  message_get: { opcode: 2048, request: {"struct":"GetMessage"}, reply: {"struct":"Message"} },
  messages_get: { opcode: 2049, request: {"struct":"GetMessages"}, reply: {"struct":"Messages"} },
  messages_pinned: { opcode: 2050, request: {"struct":"ListPins"}, reply: {"struct":"PinnedMessages"} },
  message_reactions: { opcode: 2051, request: {"struct":"ListReactors"}, reply: {"struct":"Reactors"} },
  message_history: { opcode: 2052, request: {"struct":"ListVersions"}, reply: {"struct":"MessageVersions"} },
  messages_around: { opcode: 2053, request: {"struct":"GetMessagesAround"}, reply: {"struct":"MessagesAround"} },
  message_replies: { opcode: 2054, request: {"struct":"GetReplies"}, reply: {"struct":"Messages"} },
  typing: { opcode: 48, request: {"struct":"SignalTyping"}, reply: "unit" },
  unreads_ack: { opcode: 80, request: {"struct":"AckUnread"}, reply: {"struct":"ReadCursor"} },
  mark_unread: { opcode: 81, request: {"struct":"MarkUnread"}, reply: {"struct":"ReadCursor"} },
  unreads_get: { opcode: 2112, request: {"struct":"GetUnreads"}, reply: {"struct":"Unreads"} },
  unreads_count: { opcode: 2113, request: {"struct":"CountUnreads"}, reply: {"struct":"UnreadCounts"} },
  pings_get: { opcode: 2114, request: {"struct":"ListMentions"}, reply: {"struct":"MentionPage"} },
  rate_limit_status: { opcode: 2848, request: {"struct":"GetRateLimits"}, reply: {"struct":"RateLimits"} },
  rate_limit_reset: { opcode: 2849, request: {"struct":"ResetRateLimits"}, reply: "unit" },
  messages_search: { opcode: 2560, request: {"struct":"SearchMessages"}, reply: {"struct":"FoundMessages"} },
  status_set: { opcode: 912, request: {"struct":"SetStatus"}, reply: {"struct":"StatusSet"} },
  status_get: { opcode: 2944, request: {"struct":"GetStatus"}, reply: {"struct":"Status"} },
  presence_get: { opcode: 2945, request: {"struct":"GetPresences"}, reply: {"struct":"Presences"} },
  presence_watch: { opcode: 2946, request: {"struct":"WatchPresences"}, reply: {"struct":"Presences"} },
  users_online: { opcode: 2947, request: {"struct":"ListOnline"}, reply: {"struct":"OnlinePage"} },
  push_subscribe: { opcode: 784, request: {"struct":"SubscribePush"}, reply: {"struct":"PushDevice"} },
  push_unsubscribe: { opcode: 785, request: {"struct":"UnsubscribePush"}, reply: "unit" },
  push_test: { opcode: 786, request: {"struct":"TestPush"}, reply: {"struct":"PushTested"} },
  push_device_set: { opcode: 787, request: {"struct":"SetPushDevice"}, reply: {"struct":"PushDevice"} },
  push_get_vapid: { opcode: 2816, request: {"struct":"GetVapid"}, reply: {"struct":"Vapid"} },
  push_devices_list: { opcode: 2817, request: {"struct":"ListPushDevices"}, reply: {"struct":"PushDevices"} },
  notification_level_set: { opcode: 976, request: {"struct":"SetNotificationLevel"}, reply: {"struct":"LevelState"} },
  notification_settings_set: { opcode: 977, request: {"struct":"SetNotifications"}, reply: {"struct":"NotificationsSet"} },
  notification_levels_get: { opcode: 3008, request: {"struct":"ListNotificationLevels"}, reply: {"struct":"LevelPage"} },
  notification_settings_get: { opcode: 3009, request: {"struct":"GetNotifications"}, reply: {"struct":"Notifications"} },
  notification_explain: { opcode: 3010, request: {"struct":"ExplainNotification"}, reply: {"struct":"NotificationExplained"} },
  ping: { opcode: 2976, request: {"struct":"Ping"}, reply: {"struct":"Pong"}, anyone: true },
  message_report: { opcode: 688, request: {"struct":"ReportMessage"}, reply: {"struct":"MessageReported"} },
  report_resolve: { opcode: 689, request: {"struct":"ResolveReport"}, reply: "unit" },
  automod_rule_create: { opcode: 690, request: {"struct":"CreateRule"}, reply: {"struct":"Rule"} },
  automod_rule_update: { opcode: 691, request: {"struct":"UpdateRule"}, reply: "unit" },
  automod_rule_delete: { opcode: 692, request: {"struct":"DeleteRule"}, reply: "unit" },
  lockdown_set: { opcode: 693, request: {"struct":"SetLockdown"}, reply: "unit" },
  modlog_get: { opcode: 2720, request: {"struct":"GetModlog"}, reply: {"struct":"Modlog"} },
  modlog_summary: { opcode: 2721, request: {"struct":"SummarizeModlog"}, reply: {"struct":"ModlogSummary"} },
  reports_list: { opcode: 2722, request: {"struct":"ListReports"}, reply: {"struct":"Reports"} },
  automod_rules_list: { opcode: 2723, request: {"struct":"ListRules"}, reply: {"struct":"Rules"} },
  automod_test: { opcode: 2724, request: {"struct":"TestRules"}, reply: {"struct":"RuleTest"} },
  deployment_status: { opcode: 2880, request: {"struct":"GetDeploymentStatus"}, reply: {"struct":"DeploymentStatus"} },
};

export const EVENTS: Readonly<Record<keyof Events, Row<keyof Structs>>> = {
  session_opened: { opcode: 144, body: {"struct":"SessionOpened"} },
  session_closed: { opcode: 145, body: {"struct":"SessionClosed"} },
  account_updated: { opcode: 146, body: {"struct":"AccountUpdated"} },
  server_joined: { opcode: 304, body: {"struct":"ServerJoined"} },
  server_left: { opcode: 305, body: {"struct":"ServerLeft"} },
  member_joined: { opcode: 306, body: {"struct":"MemberJoined"} },
  member_left: { opcode: 307, body: {"struct":"MemberLeft"} },
  server_updated: { opcode: 308, body: {"struct":"ServerUpdated"} },
  server_deleted: { opcode: 309, body: {"struct":"ServerDeleted"} },
  member_roles_changed: { opcode: 368, body: {"struct":"MemberRolesChanged"} },
  nickname_changed: { opcode: 369, body: {"struct":"NicknameChanged"} },
  member_timed_out: { opcode: 370, body: {"struct":"MemberTimedOut"} },
  channel_muted: { opcode: 371, body: {"struct":"ChannelMuted"} },
  channel_unmuted: { opcode: 372, body: {"struct":"ChannelUnmuted"} },
  user_updated: { opcode: 208, body: {"struct":"UserUpdated"} },
  role_created: { opcode: 400, body: {"struct":"RoleCreated"} },
  role_updated: { opcode: 401, body: {"struct":"RoleUpdated"} },
  role_deleted: { opcode: 402, body: {"struct":"RoleDeleted"} },
  roles_reordered: { opcode: 403, body: {"struct":"RolesReordered"} },
  channel_created: { opcode: 432, body: {"struct":"ChannelCreated"} },
  channel_updated: { opcode: 433, body: {"struct":"ChannelUpdated"} },
  channel_deleted: { opcode: 434, body: {"struct":"ChannelDeleted"} },
  channels_moved: { opcode: 435, body: {"struct":"ChannelsMoved"} },
  message_created: { opcode: 16, body: {"struct":"MessageCreated"} },
  message_edited: { opcode: 17, body: {"struct":"MessageEdited"} },
  message_deleted: { opcode: 18, body: {"struct":"MessageDeleted"} },
  message_pinned: { opcode: 19, body: {"struct":"MessagePinned"} },
  message_unpinned: { opcode: 20, body: {"struct":"MessageUnpinned"} },
  reaction_added: { opcode: 21, body: {"struct":"ReactionAdded"} },
  reaction_removed: { opcode: 22, body: {"struct":"ReactionRemoved"} },
  messages_deleted: { opcode: 23, body: {"struct":"MessagesDeleted"} },
  typing_started: { opcode: 48, body: {"struct":"TypingStarted"} },
  unread_moved: { opcode: 80, body: {"struct":"UnreadMoved"} },
  status_updated: { opcode: 912, body: {"struct":"StatusUpdated"} },
  presence_changed: { opcode: 913, body: {"struct":"PresenceChanged"} },
  notification_level_changed: { opcode: 976, body: {"struct":"NotificationLevelChanged"} },
  notification_settings_updated: { opcode: 977, body: {"struct":"NotificationsUpdated"} },
  lockdown_changed: { opcode: 688, body: {"struct":"LockdownChanged"} },
};

export const CONTROLS: Readonly<Record<keyof (ServerControls & ClientControls), Row<keyof Structs>>> = {
  hello: { opcode: 3, body: {"struct":"Hello"} },
  identify: { opcode: 4, body: {"struct":"Identify"} },
  resume: { opcode: 5, body: {"struct":"Resume"} },
  ready: { opcode: 6, body: {"struct":"Ready"} },
  heartbeat: { opcode: 7, body: {"struct":"Heartbeat"} },
  cursor: { opcode: 8, body: {"struct":"Cursor"} },
  reconnect: { opcode: 9, body: {"struct":"Reconnect"} },
  gap: { opcode: 10, body: {"struct":"Gap"} },
  sight: { opcode: 11, body: {"struct":"Sight"} },
  registers: { opcode: 12, body: {"struct":"Registers"} },
};

/** Why a request was refused, by number. */
export const REFUSALS = {
  /** The frame or the body does not have the form that the protocol says. */
  malformed: 1,
  /** There is no command with this opcode or name. */
  unknown_command: 2,
  /** The frame or a field is larger than the limit; the detail names the field. */
  too_large: 3,
  /** A field has the right type but not a permitted value; the detail names the field. */
  invalid: 4,
  /** The command needs a signed-in session. */
  unauthenticated: 10,
  /** The name or the password is wrong. */
  wrong_credentials: 11,
  /** The session may not do this here. */
  forbidden: 12,
  /** Somebody has this name already. */
  name_taken: 13,
  /** Signing up here needs an invite; the detail `administrator` says that the one named opens a server for those who have an account, as no administrator of the deployment made it for his own. */
  invite_required: 14,
  /** The invite does not exist, has expired, was revoked or is used up. */
  unknown_invite: 15,
  /** The account is banned from the server. */
  banned: 16,
  /** A rule of the server refuses this text; the detail is the name of the rule. */
  blocked: 17,
  /** The server is locked down: nobody joins it now, or only some may send. */
  locked_down: 18,
  /** There is no such server, or the session is not its member. */
  unknown_server: 20,
  /** There is no such channel in the server that the member can see. */
  unknown_channel: 21,
  /** There is no such message in the channel. */
  unknown_message: 22,
  /** There is no such session. */
  unknown_session: 23,
  /** There is no such member or account that the request would act on, or no such role that an override would be for. */
  unknown_target: 24,
  /** There is no such account, or it shares no server with the session's. */
  unknown_user: 25,
  /** There is no such role in the server. */
  unknown_role: 26,
  /** There is no such report or rule in the server, or part of an export. */
  unknown_item: 27,
  /** The owner has to hand a server over, or delete it, before leaving. */
  owner_cannot_leave: 30,
  /** The account is a member already. */
  already_member: 31,
  /** The server, channel or account holds as many of these as it may. */
  limit_reached: 32,
  /** The value is no longer the one that the request names: somebody changed it since. */
  moved: 33,
  /** The channel is of a kind that this is not for: only text and announcements have messages. */
  wrong_kind: 34,
  /** Who runs this deployment has switched this off. */
  switched_off: 35,
  /** The nonce was used for another body; signing in: on another device, or too long ago. */
  nonce_reused: 40,
  /** Too many requests; `retry_after` says when to try again. */
  rate_limited: 41,
  /** The cluster has more to do than it can now, and did not look whether an earlier attempt took effect; `retry_after` says when to repeat it, with the same nonce. */
  busy: 50,
  /** Nobody can say whether the command took effect: repeat it with the same nonce. */
  unknown: 51,
  /** A part of the cluster is out of reach; nothing took effect, and `retry_after` says when to try again. */
  unavailable: 52,
  /** The entry was older than the deadline and was not executed: repeat it with the same nonce. */
  expired: 53,
  /** Something broke on our side, and the log has the cause; nothing took effect. */
  internal: 54,
} as const;

/** Why a gateway closed the socket. From 4000 to 4499: connect again. */
export const CLOSE_CODES = {
  /** The frame breaks RFC 6455. */
  ProtocolError: 1002,
  /** A binary frame where the sub-protocol has text frames, or the other way round. */
  Unsupported: 1003,
  /** A text frame is not UTF-8. */
  InvalidPayload: 1007,
  /** The frame is larger than the limit. */
  TooLarge: 1009,
  /** The gateway is about to stop. */
  Shutdown: 4000,
  /** Nothing came from the client for 1.4 heartbeat intervals, not even the answer to a WebSocket ping. */
  HeartbeatTimeout: 4001,
  /** The session was not identified in time. */
  IdentifyTimeout: 4002,
  /** The gateway lost its place and cannot promise a stream without holes. */
  OutOfSync: 4007,
  /** The client reads more slowly than the cluster speaks. */
  SlowConsumer: 4008,
  /** The gateway, or the network address of the client, has as many connections or as much memory as it may, or the account opens sessions too fast. */
  Full: 4009,
  /** What the frame holds is no frame of this protocol. */
  BadFrame: 4500,
  /** The client sends faster than the flood guard permits. */
  Flood: 4502,
  /** The token is not valid. */
  Unauthenticated: 4503,
  /** The session was revoked or signed out. */
  Revoked: 4504,
} as const;

/** What a member may do: bits of `Permissions`. */
export const PERMISSIONS = {
  /** See a channel and its events. */
  VIEW_CHANNEL: 1,
  /** Send messages. */
  SEND_MESSAGES: 2,
  /** Delete the messages of others. */
  MANAGE_MESSAGES: 4,
  /** Create, change, and delete channels. */
  MANAGE_CHANNELS: 8,
  /** Invite people to the server. */
  CREATE_INVITE: 16,
  /** Read what was said before. */
  READ_HISTORY: 32,
  /** Make and give roles below one's own, and set overrides, within one's own permissions. */
  MANAGE_ROLES: 64,
  /** Everything, whatever overrides say. */
  ADMINISTRATOR: 128,
  /** Remove members of lower rank; they may come back. */
  KICK_MEMBERS: 256,
  /** Remove members of lower rank for good, and let them back in. */
  BAN_MEMBERS: 512,
  /** Silence members of lower rank for some time, everywhere or in one channel. */
  TIMEOUT_MEMBERS: 1024,
  /** Change one's own nickname. */
  CHANGE_NICKNAME: 2048,
  /** Change the nicknames of members of lower rank. */
  MANAGE_NICKNAMES: 4096,
  /** Change the server itself, its invites and its rules of moderation. */
  MANAGE_SERVER: 8192,
  /** Read who moderated whom and why, and the reports. */
  VIEW_AUDIT_LOG: 16384,
  /** React to messages. */
  ADD_REACTIONS: 32768,
  /** Pin and unpin messages. */
  PIN_MESSAGES: 65536,
  /** Mention everyone, and roles that not everybody may mention. */
  MENTION_EVERYONE: 131072,
  /** Send without waiting where a channel is slow. */
  BYPASS_SLOW_MODE: 262144,
} as const;

/** How much the server takes, in what the name says; seconds and counts where it says nothing. */
export const LIMITS = {
  MAX_MESSAGE_CHARS: 2000,
  MAX_NAME_CHARS: 32,
  MAX_TITLE_CHARS: 100,
  MAX_NICKNAME_CHARS: 32,
  MAX_TOPIC_CHARS: 1024,
  MAX_REASON_CHARS: 512,
  MAX_BIO_CHARS: 500,
  MAX_DESCRIPTION_CHARS: 300,
  MAX_PICTURE_BYTES: 200,
  MAX_REPORT_CHARS: 1000,
  MAX_KEYWORD: 64,
  MAX_KEYWORDS: 20,
  MAX_USERS_AT_ONCE: 100,
  MAX_RULE_LIMIT: 500,
  MAX_SLOW_MODE: 21600,
  MAX_REPORT_PAGE: 100,
  MAX_PAGE: 200,
  EXPORT_PAUSE_MS: 86400000,
} as const;

