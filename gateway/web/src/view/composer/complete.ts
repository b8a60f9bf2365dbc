// What is suggested while somebody writes: people and roles behind @, channels behind #, emoji behind a colon.
import type { ChannelState, ServerState } from "confab-client";
import { state, client } from "../../app/client.ts";
import { permissions } from "../rights.ts";
import { ownRolesOf } from "../roles/names.ts";
import { rank } from "../shell/rank.ts";
import { readableChannels } from "../../app/place.ts";
import type { Called } from "../../text/mentions.ts";
import type { Asked, Suggestion } from "./asked.ts";

const MOST = 8;

/** What is known here, at once. */
export function suggestNow({ sign, text }: Asked, channel: ChannelState): Suggestion[] {
  if (sign === ":") return [];
  if (sign === "#") return channels(text, channel);
  const people = rank(members(state.servers[channel.server_id]), text, ({ name, hint }) => `${name} ${hint ?? ""}`);
  return [...people, ...roles(text, channel)].slice(0, MOST);
}

/** What has to be fetched, beside what is known: the names of emoji, and people who were not met yet. */
export async function suggestMore({ sign, text }: Asked, channel: ChannelState, known: readonly Suggestion[]): Promise<Suggestion[]> {
  if (sign === ":") return suggestEmoji(text);
  if (sign === "#" || text === "" || known.length >= MOST) return [...known];
  const search = { prefix: text, limit: MOST };
  const reply = await client.call("users_search", channel.server_id, search, { patience: 0 }).catch(() => undefined);
  const found = (reply?.users ?? []).map(({ user_id, name }): Suggestion => ({ name, text: `@${name}`, sent: `<@${user_id}>` }));
  return [...known, ...found.filter(({ sent }) => !known.some((one) => one.sent === sent))].slice(0, MOST);
}

async function suggestEmoji(text: string): Promise<Suggestion[]> {
  const found = await import("../emoji/find.ts").then(({ findEmoji }) => findEmoji(text)).catch(() => []);
  return found.slice(0, MOST).map(({ emoji, name }) => ({ name, emoji, text: emoji }));
}

function channels(text: string, channel: ChannelState): Suggestion[] {
  const all = readableChannels(channel.server_id).map(({ name }) => ({ name: `#${name}`, text: `#${name}` }));
  return rank(all, text, ({ name }) => name).slice(0, MOST);
}

function members(server: ServerState | undefined): Suggestion[] {
  return Object.entries(server?.members ?? {}).flatMap(([id, { nickname }]) => {
    const user = state.users[Number(id) as never];
    if (user === undefined || user.user_id === state.me?.user_id) return [];
    const name = nickname ?? user.name;
    return [{ name, ...(nickname === null ? {} : { hint: user.name }), text: `@${name}`, sent: `<@${id}>` }];
  });
}

function roles(text: string, { server_id, channel_id }: ChannelState): Suggestion[] {
  if (state.servers[server_id] === undefined) return [];
  const everyone = permissions(channel_id).has("MENTION_EVERYONE");
  const all = ownRolesOf(server_id)
    .filter(({ mentionable }) => everyone || mentionable)
    .map((role) => ({ name: role.name, text: `@${role.name}`, sent: `<@&${role.role_id}>` }));
  return rank(everyone ? [...all, { name: "everyone", text: "@everyone" }] : all, text, ({ name }) => name);
}

/**
 * All that a text of this channel may mention by name, the first of a name holds: those who were chosen, then what nobody
 * can call himself to be called instead, and nicknames last.
 */
export function calledIn(channel: ChannelState, chosen: readonly Suggestion[] = []): Called[] {
  const server = state.servers[channel.server_id];
  const met = Object.keys(server?.members ?? {}).flatMap((id) => state.users[Number(id) as never] ?? []);
  const accounts = [...met, ...(state.me === null ? [] : [state.me])];
  const names = accounts.map(({ name, user_id }) => ({ name, sent: `<@${user_id}>` }));
  const called = (some: readonly Suggestion[]) => some.flatMap(({ name, sent }) => (sent === undefined ? [] : [{ name, sent }]));
  return [...called([...chosen, ...roles("", channel)]), ...names, ...called(members(server))];
}
