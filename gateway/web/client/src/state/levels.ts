// What the account wants to be told of: set for all servers, a server, a category or a channel, the narrowest first.

import type { AnyId, ChannelId, LevelState, NotificationLevel, SetNotificationLevel } from "../codec.js";
import { advanceRegisters } from "./registers.js";
import { type ChannelState, type State } from "./state.js";

/** What can be set for a scope. */
export type LevelSetting = Pick<SetNotificationLevel, "level" | "muted_until" | "no_everyone">;

/** A scope; none is all servers. */
export type Scope = AnyId | null;

/** What holds where nobody set a level. */
const DEFAULT_LEVEL: NotificationLevel = "mentions";
/** Muted until somebody says otherwise: a time that no clock reaches. */
export const MUTED_FOR_GOOD = Date.UTC(9999, 0, 1);

/** All servers stand under no id. */
const keyOf = (scope: Scope): number => scope ?? 0;

/** What is set for a scope, or nothing yet. */
export function levelAt(state: State, scope: Scope): LevelState {
  return state.levels[keyOf(scope)] ?? { scope_id: scope, level: null, muted_until: null, no_everyone: false, version: 0 };
}

/** A setting was changed, here or elsewhere. The later version holds. */
export function advanceLevel(state: State, level: LevelState): void {
  const key = keyOf(level.scope_id);
  const known = state.levels[key];
  if (known === undefined || known.version < level.version) state.levels[key] = level;
  advanceRegisters(state, level.version);
}

/** What a channel stands in, from the narrowest to the widest; a category stands in none. */
export function widerScopes({ parent_id, server_id }: Pick<ChannelState, "parent_id" | "server_id">): Scope[] {
  const category: Scope[] = parent_id === null ? [] : [parent_id as number as AnyId];
  return [...category, server_id as number as AnyId, null];
}

/** The level that counts in the first of these scopes, from the narrowest to the widest. */
export function levelIn(state: State, scopes: readonly Scope[]): NotificationLevel {
  for (const scope of scopes) {
    const { level } = levelAt(state, scope);
    if (level !== null) return level;
  }
  return DEFAULT_LEVEL;
}

/** Until when nothing is told of a channel, as it or what it stands in is muted; none where it is not. */
export function mutedUntil(state: State, id: ChannelId, now: number): number | null {
  const channel = state.channels[id];
  if (channel === undefined) return null;
  const scopes: Scope[] = [id as number as AnyId, ...widerScopes(channel)];
  const end = Math.max(...scopes.map((scope) => levelAt(state, scope).muted_until ?? 0));
  return end > now ? end : null;
}
