// What rank and holding let one do to members and roles: the rules of the server, so that nothing is offered that it refuses.
import { holds, PERMISSIONS, type Permissions, type Role } from "confab-client";

/** How high the reader stands in a server, and what he holds there; or in a channel, where something is done in that. */
export interface Standing {
  rank: number;
  held: Permissions;
}

/** To whom something is done. */
export interface Whom {
  isMe: boolean;
  /** Undefined of who is no member. */
  rank: number | undefined;
  /** Whether he may everything, which is nobody's to limit. */
  administers: boolean;
}

export type Deed = "rename" | "silence" | "kick" | "ban" | "roles" | "override";

const NEEDS: Record<Deed, Permissions> = {
  rename: PERMISSIONS.MANAGE_NICKNAMES,
  silence: PERMISSIONS.TIMEOUT_MEMBERS,
  kick: PERMISSIONS.KICK_MEMBERS,
  ban: PERMISSIONS.BAN_MEMBERS,
  roles: PERMISSIONS.MANAGE_ROLES,
  override: PERMISSIONS.MANAGE_ROLES,
};

/** Whether the reader may do this to somebody: most of it only to members who stand below him. */
export function mayDo(deed: Deed, { rank, held }: Standing, whom: Whom): boolean {
  const has = holds(held, NEEDS[deed]);
  if (whom.isMe && deed === "rename") return has || holds(held, PERMISSIONS.CHANGE_NICKNAME);
  if (whom.isMe) return has && deed === "roles";
  // Who is no member can be banned, so that he does not come back.
  if (whom.rank === undefined) return has && deed === "ban";
  return has && rank > whom.rank && !(deed === "silence" && whom.administers);
}

/** Why a role, or one of its switches, is not the reader's to change. */
export type Obstacle = "rank" | "lacking" | "self_assignable";

/** What a role may permit that members take by themselves: what everyone may in a new server. */
const FOR_ALL =
  PERMISSIONS.VIEW_CHANNEL |
  PERMISSIONS.SEND_MESSAGES |
  PERMISSIONS.CREATE_INVITE |
  PERMISSIONS.READ_HISTORY |
  PERMISSIONS.CHANGE_NICKNAME |
  PERMISSIONS.ADD_REACTIONS;

export const isBelow = (role: Pick<Role, "position">, mine: Pick<Standing, "rank">) => role.position < mine.rank;

/** Why a permission of a role cannot be switched. */
export function obstacleTo(bit: Permissions, role: Pick<Role, "position" | "permissions" | "self_assignable">, mine: Standing): Obstacle | undefined {
  if (!isBelow(role, mine)) return "rank";
  if (!holds(mine.held, bit)) return "lacking";
  // What it has it may lose.
  const gives = !holds(role.permissions, bit);
  return role.self_assignable && gives && !holds(FOR_ALL, bit) ? "self_assignable" : undefined;
}

/** What a channel says of a role, and what the reader holds there. */
export interface Said {
  allow: Permissions;
  deny: Permissions;
  held: Permissions;
}

/** Whether the reader holds all that a role permits, in the server and where channels say more of it. */
const holdsAllOf = (permits: Permissions, said: readonly Said[], mine: Standing) =>
  holds(mine.held, permits) && said.every(({ allow, held }) => holds(held, allow));

/** Whether a role may become one that members take: it permits nothing that moderates, and nothing that the reader lacks. */
export function mayBeTaken(permits: Permissions, said: readonly Said[], mine: Standing): boolean {
  return said.every(({ allow }) => holds(FOR_ALL, allow)) && holds(FOR_ALL, permits) && holdsAllOf(permits, said, mine);
}

/** Whether the reader may give a role: it stands below him and permits nothing that he lacks. That of everyone nobody gives. */
export const mayGive = (role: Role, said: readonly Said[], mine: Standing) =>
  role.position > 0 && isBelow(role, mine) && holdsAllOf(role.permissions, said, mine);

/** Whether he may take it from somebody, or delete it: from himself not where it denies him something. The owner is denied nothing. */
export function mayTake(role: Role, said: readonly Said[], mine: Standing, isHeld: boolean): boolean {
  const isBound = isHeld && !role.self_assignable && said.some(({ deny }) => deny !== 0);
  return role.position > 0 && isBelow(role, mine) && (mine.rank === Infinity || !isBound);
}

/** Whether a role may go from one position to another: all that moves stands below the reader, and that of everyone stays. */
export function mayStand(from: number, to: number, count: number, mine: Pick<Standing, "rank">): boolean {
  return from !== to && from > 0 && to > 0 && to < count && Math.max(from, to) < mine.rank;
}
