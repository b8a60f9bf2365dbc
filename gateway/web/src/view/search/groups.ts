// Hits by channel. Those of a further answer follow behind the others, so that nothing moves that is read.
import type { ChannelId, FoundMessage, MessageId } from "confab-client";

export interface Group {
  channel: ChannelId;
  hits: FoundMessage[];
}

/** The groups with an answer behind them: each channel once in an answer, that of its newest hit first. */
export function withAnswer(groups: readonly Group[], answer: readonly FoundMessage[]): Group[] {
  const added: Group[] = [];
  for (const hit of answer) {
    const known = added.find(({ channel }) => channel === hit.channel_id);
    if (known === undefined) added.push({ channel: hit.channel_id, hits: [hit] });
    else known.hits.push(hit);
  }
  const last = groups.at(-1);
  const first = added[0];
  // Where it goes on in the same channel it is the same group.
  if (last === undefined || first === undefined || last.channel !== first.channel) return [...groups, ...added];
  return [...groups.slice(0, -1), { ...last, hits: [...last.hits, ...first.hits] }, ...added.slice(1)];
}

/** The groups without messages that are gone. */
export function withoutMessages(groups: readonly Group[], gone: readonly MessageId[]): Group[] {
  return groups
    .map((group) => ({ ...group, hits: group.hits.filter(({ message }) => !gone.includes(message.message_id)) }))
    .filter(({ hits }) => hits.length > 0);
}

export const countOf = (groups: readonly Group[]) => groups.reduce((count, { hits }) => count + hits.length, 0);
