// Who people are: looked up where they are met, many at once.

import type { MemberPlace, Requests, ServerId, UserId } from "./codec.js";
import { type Fetches } from "./fetches.js";
import { refusalOf } from "./refusal.js";
import { mergeMember, mergeMembers, mergeUsers } from "./state/merge.js";
import { type State } from "./state/state.js";
import { type Reply } from "./wire/call.js";

/** So many accounts may be asked for at once. */
const ACCOUNTS = 100;
/** So many members are asked for at a time: others wait, so that there is room for what is read. */
const AT_A_TIME = 4;

export interface PeopleOptions {
  state: State;
  fetches: Fetches;
  call<Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]): Promise<Reply<Name>>;
}

export class People {
  private wanted = new Set<UserId>();
  /** Those who were asked for and not told of: they are not asked for again. */
  private readonly unknown = new Set<UserId>();
  /** Those who are asked for as members of a server, or were and are none. */
  private readonly asked = new Set<string>();
  private queue: { server: ServerId; user_id: UserId }[] = [];
  private underWay = 0;

  constructor(private readonly options: PeopleOptions) {}

  /** Looks up whoever of them is not known, in a server as members; accounts that are met in one go are asked for at once. */
  meet(users: readonly UserId[], server?: ServerId): void {
    const { state } = this.options;
    if (server !== undefined && state.servers[server] !== undefined) {
      for (const user of new Set(users)) this.meetMember(server, user);
      return;
    }
    const first = this.wanted.size === 0;
    for (const user of users) if (state.users[user] === undefined && !this.unknown.has(user)) this.wanted.add(user);
    if (first && this.wanted.size > 0) queueMicrotask(() => void this.ask());
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

  /** Forgets who was not found: another session may know them. */
  forget(): void {
    this.unknown.clear();
    this.asked.clear();
    this.queue = [];
  }

  private meetMember(server: ServerId, user_id: UserId): void {
    const key = keyOf(server, user_id);
    if (this.options.state.servers[server]?.members[user_id] !== undefined || this.asked.has(key)) return;
    this.asked.add(key);
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
      this.meet([user_id]);
    }
  }

  private async ask(): Promise<void> {
    const users = [...this.wanted];
    this.wanted = new Set();
    for (const user of users) this.unknown.add(user);
    for (let at = 0; at < users.length; at += ACCOUNTS) await this.askFor(users.slice(at, at + ACCOUNTS));
  }

  private async askFor(user_ids: UserId[]): Promise<void> {
    const { call, fetches } = this.options;
    try {
      const { users } = await fetches.run(
        () => call("users_get", 0, { user_ids }),
        (state, { users }) => mergeUsers(state, users),
      );
      for (const { user_id } of users) this.unknown.delete(user_id);
    } catch {
      // They are shown without a name until they are met again.
      for (const user of user_ids) this.unknown.delete(user);
    }
  }
}

const keyOf = (server: ServerId, user: UserId) => `${server} ${user}`;
