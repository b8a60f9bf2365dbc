// A search: what was asked for and what came of it. It outlives the panel, so that who jumps to a hit finds the others again.
import { Refusal, type ChannelId, type Events, type FoundMessage, type MessageId, type Named, type SearchFilter, type ServerId } from "confab-client";
import { batch, createSignal } from "solid-js";
import { forgetWithAccount } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";
import { currentChannel, currentServer } from "../../app/place.ts";
import { isEmpty, readQuery, type Term } from "./filter.ts";
import { withAnswer, withoutMessages, type Group } from "./groups.ts";
import { lookUp, meaningIn } from "./names.ts";
import type { Scope } from "./open.ts";
import { keepSearch } from "./recent.ts";

/** An answer has at most so many. */
const PAGE = 50;
/** An answer takes a quarter of a second; while nothing was found so many follow by themselves. */
const TRIES = 4;

/** What was asked, as it goes on being asked. */
interface Asked {
  server: ServerId | 0;
  filter: SearchFilter;
  words: string[];
}

export type Phase = "none" | "busy" | "found" | "failed";

const [text, setText] = createSignal("");
const [scope, setScope] = createSignal<Scope>("server");
const [phase, setPhase] = createSignal<Phase>("none");
const [groups, setGroups] = createSignal<Group[]>([]);
const [unknown, setUnknown] = createSignal<Term[]>([]);
const [error, setError] = createSignal<unknown>();
const [next, setNext] = createSignal<MessageId | null>(null);
const [asked, setAsked] = createSignal<Asked>();

export { text, setText, scope, setScope, phase, groups, unknown, error, next };

/** What is marked in what was found. */
export const words = () => asked()?.words ?? [];

/** The server that is searched, or 0 for all. */
export const serverOfScope = (): ServerId | 0 => (scope() === "everywhere" ? 0 : (currentServer()?.server.server_id ?? 0));

/** Rises with each search: an answer to one before is dropped. */
let turn = 0;

export function clear(): void {
  turn += 1;
  batch(() => {
    setText("");
    setPhase("none");
    setGroups([]);
    setUnknown([]);
    setNext(null);
    setAsked(undefined);
  });
}

forgetWithAccount(clear);

/** Searches for what is written. */
export async function search(): Promise<void> {
  const mine = (turn += 1);
  const query = text().trim();
  const server = serverOfScope();
  let sought = readQuery(query, meaningIn(server));
  if (isEmpty(sought)) return clear();
  setPhase("busy");
  if (sought.unknown.length > 0 && (await lookUp(server, sought.unknown))) sought = readQuery(query, meaningIn(server));
  if (mine !== turn) return;
  const { filter, words } = sought;
  if (scope() === "channel" && filter.channels === undefined) filter.channels = here();
  batch(() => {
    setUnknown(sought.unknown);
    setGroups([]);
    setNext(null);
    setAsked({ server, filter, words });
    if (sought.unknown.length > 0) setPhase("none");
  });
  if (sought.unknown.length > 0) return;
  keepSearch(query);
  await answer(mine, null);
}

/** Goes on where the last answer ended. */
export async function goOn(): Promise<void> {
  if (phase() === "busy") return;
  setPhase("busy");
  await answer((turn += 1), next());
}

async function answer(mine: number, before: MessageId | null): Promise<void> {
  const question = asked();
  if (question === undefined) return;
  try {
    for (let tries = 1; ; tries += 1) {
      const { filter, server } = question;
      const reply = await client.call("messages_search", server, { filter, before, limit: PAGE });
      if (mine !== turn) return;
      meet(reply.messages);
      batch(() => {
        setGroups((held) => withAnswer(held, reply.messages));
        setNext(reply.next);
        setError(undefined);
      });
      before = reply.next;
      if (before === null || reply.messages.length > 0 || tries === TRIES) break;
    }
    setPhase("found");
  } catch (refusal) {
    if (mine !== turn) return;
    batch(() => {
      setError(refusal instanceof Refusal ? refusal : undefined);
      setPhase("failed");
    });
  }
}

function here(): ChannelId[] {
  const channel = currentChannel()?.channel_id;
  return channel === undefined ? [] : [channel];
}

function meet(found: readonly FoundMessage[]): void {
  for (const server of new Set(found.map(({ server_id }) => server_id))) {
    client.meet(found.filter(({ server_id }) => server_id === server).map(({ message }) => message.author_id), server);
  }
}

/** What was found and is gone is not shown. */
function happened(event: Named<Events>): void {
  if (event.name === "message_deleted") setGroups((held) => withoutMessages(held, [event.body.message_id]));
  else if (event.name === "messages_deleted") setGroups((held) => withoutMessages(held, event.body.message_ids));
}

client.on("event", ({ event }) => void (groups().length > 0 && happened(event)));

/** Where the reader still may look. */
export const shownGroups = () => groups().filter(({ channel }) => state.channels[channel] !== undefined);
