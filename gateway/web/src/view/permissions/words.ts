// What each permission is called, and what it means, for those who give and take them.
import { PERMISSIONS, type Permissions } from "confab-client";
import type { Sentence } from "../../lang/index.ts";

export type PermissionName = keyof typeof PERMISSIONS;

export interface PermissionWords {
  name: PermissionName;
  title: Sentence;
  sentence: Sentence;
  /** Where it means something, besides the server as a whole. */
  in?: "messages" | "channels" | "all";
}

export const GROUPS: readonly { title: Sentence; permissions: readonly PermissionWords[] }[] = [
  {
    title: "Reading and writing",
    permissions: [
      { name: "VIEW_CHANNEL", title: "See channels", sentence: "See a channel, and what happens in it.", in: "all" },
      { name: "READ_HISTORY", title: "Read history", sentence: "Read what was said before.", in: "messages" },
      { name: "SEND_MESSAGES", title: "Send messages", sentence: "Write in channels.", in: "messages" },
      { name: "ADD_REACTIONS", title: "React", sentence: "React to messages with emoji.", in: "messages" },
      { name: "MENTION_EVERYONE", title: "Mention everyone", sentence: "Notify everyone, and mention roles that not everyone can.", in: "messages" },
      { name: "BYPASS_SLOW_MODE", title: "Skip slow mode", sentence: "Write without waiting in slow channels.", in: "messages" },
    ],
  },
  {
    title: "Members",
    permissions: [
      { name: "CREATE_INVITE", title: "Invite people", sentence: "Create invites to the server." },
      { name: "CHANGE_NICKNAME", title: "Change their own nickname", sentence: "Use a nickname on this server." },
    ],
  },
  {
    title: "Moderation",
    permissions: [
      { name: "MANAGE_MESSAGES", title: "Delete messages", sentence: "Delete what others wrote, and write announcements.", in: "messages" },
      { name: "PIN_MESSAGES", title: "Pin messages", sentence: "Pin messages and unpin them.", in: "messages" },
      { name: "TIMEOUT_MEMBERS", title: "Silence members", sentence: "Stop members of lower rank from writing for a while.", in: "messages" },
      { name: "KICK_MEMBERS", title: "Remove members", sentence: "Remove members of lower rank; they can come back." },
      { name: "BAN_MEMBERS", title: "Ban members", sentence: "Remove members of lower rank for good, and let them back in." },
      { name: "MANAGE_NICKNAMES", title: "Change nicknames", sentence: "Change the nicknames of members of lower rank." },
      { name: "VIEW_AUDIT_LOG", title: "Read the audit log", sentence: "Read who did what and why, and the reports." },
    ],
  },
  {
    title: "Administration",
    permissions: [
      { name: "MANAGE_CHANNELS", title: "Manage channels", sentence: "Create, change, move and delete channels.", in: "channels" },
      { name: "MANAGE_ROLES", title: "Manage roles", sentence: "Create and give roles of lower rank, and set exceptions in channels.", in: "channels" },
      { name: "MANAGE_SERVER", title: "Manage the server", sentence: "Change the server itself, its invites and its rules." },
      { name: "ADMINISTRATOR", title: "Administrator", sentence: "Everything, whatever the channels say. Give it to few people." },
    ],
  },
];

const ALL = GROUPS.flatMap(({ permissions }) => permissions);

export const wordsOf = (name: PermissionName): PermissionWords => ALL.find((words) => words.name === name) as PermissionWords;

export const bitOf = (name: PermissionName): Permissions => PERMISSIONS[name];

/** Those that mean something in a channel of this kind, in their groups. */
export function groupsIn(kind: "text" | "announcement" | "voice" | "forum" | "category" | "separator"): typeof GROUPS {
  const fits: readonly PermissionWords["in"][] =
    kind === "separator" ? ["all"] : kind === "category" ? ["all", "channels"] : ["all", "channels", "messages"];
  return GROUPS.map(({ title, permissions }) => ({ title, permissions: permissions.filter((words) => words.in !== undefined && fits.includes(words.in)) })).filter(
    ({ permissions }) => permissions.length > 0,
  );
}
