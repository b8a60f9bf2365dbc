// Who people are: looked up where they are met, many at once.

import { LIMITS, type MemberPlace, type Requests, type ServerId, type UserId } from "./codec.js";
import { type Fetches } from "./fetches.js";
import { refusalOf } from "./refusal.js";
import { mergeMember, mergeMembers, mergeUsers } from "./state/merge.js";
import { type State } from "./state/state.js";
import { type Reply } from "./wire/call.js";

/** So many members are asked for at a time: others wait, so that there is room for what is read. */
const AT_A_TIME = 4;
/** So many who were not found are remembered: whoever makes ids up in texts has nobody ask for them again and again. */
const NOT_FOUND = 10_000;

export interface PeopleOptions {
  state: State;
  fetches: Fetches;
  call<Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]): Promise<Reply<Name>>;
}

export class People {
  /** Accounts that are to be asked for, or are, and the servers where they were met. */
  private readonly sought = new Map<UserId, Set<ServerId>>();
  private wanted: UserId[] = [];
  /** Those who were asked for and not told of: they are not asked for again. */
  private readonly strangers = new Set<UserId>();
  /** Those who are asked for as members of a server, or were and are none. */
  private readonly asked = new Set<string>();
  private queue: { server: ServerId; user_id: UserId }[] = [];
  private underWay = 0;

  constructor(private readonly options: PeopleOptions) {}

  /** Looks up whoever of them is not known, in a server as members too; accounts that are met in one go are asked for at once. */
  meet(users: readonly UserId[], server?: ServerId): void {
    const { state } = this.options;
    const place = server !== undefined && state.servers[server] !== undefined ? server : undefined;
    for (const user of new Set(users)) {
      if (state.users[user] === undefined) this.seek(user, place);
      else if (place !== undefined) this.meetMember(place, user);
    }
  }

  /** A page of the member list, as people see it. */
  async members(server: ServerId, place: MemberPlace | null): Promise<Reply<"members_list">> {
    const { call, fetches } = this.options;
    return fetches.run(
      () => call("members_list", server, { place }),
      (state, { members }) => mergeMembers(state, server, members),
    );
  }

  /** A page of those who are there. */
  async online(server: ServerId, place: MemberPlace | null): Promise<Reply<"users_online">> {
    const { call, fetches } = this.options;
    return fetches.run(
      () => call("users_online", server, { place }),
      (state, { members }) => {
        mergeMembers(state, server, members.map(({ member }) => member));
        for (const { member, state: look, text } of members) state.presence[member.user.user_id] = { state: look, text };
      },
    );
  }

  /** Forgets who was not found: another session may know them, and who came during a gap nobody told. */
  forget(): void {
    this.strangers.clear();
    this.asked.clear();
    this.queue = [];
  }

  private seek(user: UserId, server: ServerId | undefined): void {
    if (this.strangers.has(user)) return;
    const servers = this.sought.get(user);
    if (server !== undefined) servers?.add(server);
    if (servers !== undefined) return;
    this.sought.set(user, new Set(server === undefined ? [] : [server]));
    this.wanted.push(user);
    if (this.wanted.length === 1) queueMicrotask(() => void this.ask());
  }

  private async ask(): Promise<void> {
    const users = this.wanted;
    this.wanted = [];
    for (let at = 0; at < users.length; at += LIMITS.MAX_USERS_AT_ONCE) await this.askFor(users.slice(at, at + LIMITS.MAX_USERS_AT_ONCE));
  }

  private async askFor(user_ids: UserId[]): Promise<void> {
    const { call, fetches, state } = this.options;
    try {
      await fetches.run(
        () => call("users_get", 0, { user_ids }),
        (state, { users }) => mergeUsers(state, users),
      );
      for (const user of user_ids) if (state.users[user] === undefined) remember(this.strangers, user);
    } catch {
      // They are shown without a name until they are met again.
    }
    for (const user of user_ids) {
      const servers = this.sought.get(user) ?? [];
      this.sought.delete(user);
      if (state.users[user] !== undefined) for (const server of servers) this.meetMember(server, user);
    }
  }

  private meetMember(server: ServerId, user_id: UserId): void {
    const key = keyOf(server, user_id);
    if (this.options.state.servers[server]?.members[user_id] !== undefined || this.asked.has(key)) return;
    remember(this.asked, key);
    this.queue.push({ server, user_id });
    if (this.underWay < AT_A_TIME) void this.askForMembers();
  }

  private async askForMembers(): Promise<void> {
    this.underWay += 1;
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) await this.askForMember(next.server, next.user_id);
    this.underWay -= 1;
  }

  private async askForMember(server: ServerId, user_id: UserId): Promise<void> {
    const { call, fetches } = this.options;
    const key = keyOf(server, user_id);
    try {
      await fetches.run(
        () => call("member_get", server, { user_id }),
        (state, member) => mergeMember(state, server, member),
      );
      this.asked.delete(key);
    } catch (error) {
      // Who left is an account like any other.
      if (refusalOf(error).passing) this.asked.delete(key);
    }
  }
}

/** Of more than a bound the oldest is forgotten. */
function remember<Kind>(known: Set<Kind>, one: Kind): void {
  known.add(one);
  const [oldest] = known;
  if (known.size > NOT_FOUND && oldest !== undefined) known.delete(oldest);
}

const keyOf = (server: ServerId, user: UserId) => `${server} ${user}`;
