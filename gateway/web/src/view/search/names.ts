// What names mean where somebody searches, and which there are.
import { channelsOf, LIMITS, rolesInOrder, type AnyId, type ChannelId, type ChannelState, type ServerId, type UserId } from "confab-client";
import { forgetWithAccount } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { t } from "../../lang/index.ts";
import { isEveryone } from "../roles/names.ts";
import { readDay } from "./days.ts";
import type { Meaning, Term } from "./filter.ts";
import { isValue } from "./words.ts";

export interface Named<Id> {
  name: string;
  id: Id;
  /** What tells it from others of that name. */
  hint?: string;
}

const fold = (name: string) => name.trim().toLocaleLowerCase();

/** Names that were chosen from a list, or looked up: what they stand for is known. The last ones. */
const MOST_CHOSEN = 100;
const chosen = new Map<string, number>();
forgetWithAccount(() => chosen.clear());
const keyOf = (kind: "person" | "role" | "channel", name: string) => `${kind} ${fold(name)}`;

export function remember(kind: "person" | "role" | "channel", { name, id }: Named<number>): void {
  const key = keyOf(kind, name);
  chosen.delete(key);
  chosen.set(key, id);
  const [oldest] = chosen.keys();
  if (chosen.size > MOST_CHOSEN && oldest !== undefined) chosen.delete(oldest);
}

const serversIn = (scope: ServerId | 0) =>
  Object.values(state.servers).filter(({ server }) => scope === 0 || server.server_id === scope);

/** Those who are known here, oneself first. */
export function peopleIn(scope: ServerId | 0): Named<UserId>[] {
  const me = state.me;
  const found = new Map<UserId, Named<UserId>>();
  if (me !== null) found.set(me.user_id, { name: me.name, id: me.user_id });
  for (const { members } of serversIn(scope)) {
    for (const [key, { nickname }] of Object.entries(members)) {
      const id = Number(key) as UserId;
      const user = state.users[id];
      if (user === undefined || user.deleted || found.has(id)) continue;
      found.set(id, nickname === null ? { name: user.name, id } : { name: nickname, id, hint: user.name });
    }
  }
  return [...found.values()];
}

export function rolesIn(scope: ServerId | 0): Named<number>[] {
  return serversIn(scope).flatMap((server) =>
    rolesInOrder(server).map(({ role_id, name }) => {
      const everyone = isEveryone(server.server.server_id, role_id);
      return { name: everyone ? "everyone" : name, id: role_id, hint: scope === 0 ? server.server.name : t("role") };
    }),
  );
}

export function channelsIn(scope: ServerId | 0): Named<ChannelId>[] {
  const speaks = ({ kind }: ChannelState) => kind !== "category" && kind !== "separator";
  return serversIn(scope).flatMap(({ server }) =>
    channelsOf(state, server.server_id)
      .filter(speaks)
      .map(({ name, channel_id }) => ({ name, id: channel_id, ...(scope === 0 ? { hint: server.name } : {}) })),
  );
}

export function meaningIn(scope: ServerId | 0): Meaning {
  const known = <Id extends number>(kind: "person" | "role" | "channel", name: string, all: () => Named<Id>[]): Id | undefined => {
    const sought = fold(name);
    const id = chosen.get(keyOf(kind, name)) as Id | undefined;
    return id ?? all().find((one) => fold(one.name) === sought || (one.hint !== undefined && kind === "person" && fold(one.hint) === sought))?.id;
  };
  const person = (name: string): UserId | undefined => {
    return isValue("me", name) ? state.me?.user_id : known("person", name, () => peopleIn(scope));
  };
  return {
    person,
    called: (name) => (person(name) ?? known("role", name, () => rolesIn(scope))) as AnyId | undefined,
    channel: (name) => known("channel", name, () => channelsIn(scope)),
    day: (text) => readDay(text, now()),
  };
}

/** Looks up people who were not met yet; whether anybody was found. */
export async function lookUp(scope: ServerId | 0, terms: readonly Term[]): Promise<boolean> {
  const names = terms.filter(({ operator }) => operator === "from" || operator === "mentions").map(({ text }) => text.replace(/^@/, ""));
  const found = await Promise.all(names.map((name) => findPeople(scope, name)));
  const exact = found.flatMap((people, index) => people.filter(({ name }) => fold(name) === fold(names[index] ?? "")));
  for (const person of exact) remember("person", person);
  return exact.length > 0;
}

/** People whose name begins so. */
export async function findPeople(scope: ServerId | 0, prefix: string): Promise<Named<UserId>[]> {
  if (prefix === "" || prefix.length > LIMITS.MAX_NAME_CHARS) return [];
  const reply = await client.call("users_search", scope, { prefix, limit: 8 }, { patience: 0 }).catch(() => undefined);
  return (reply?.users ?? []).map(({ user_id, name }) => ({ name, id: user_id }));
}
