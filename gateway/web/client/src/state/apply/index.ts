import type { AnyId, Events, Named } from "../../codec.js";
import { type State } from "../state.js";
import { account } from "./account.js";
import { channel } from "./channel.js";
import { members } from "./member.js";
import { message } from "./message.js";
import { notification } from "./notification.js";
import { presence } from "./presence.js";
import { role } from "./role.js";
import { server } from "./server.js";
import { type Handler, type Handlers, type Place } from "./table.js";

/** One handler for each event that there is. */
const HANDLERS: Handlers<keyof Events> = {
  ...account,
  ...server,
  ...members,
  ...role,
  ...channel,
  ...message,
  ...presence,
  ...notification,
};

/** Takes an event that comes next in its topic. `seen`: it was applied before. `hole`: something is missing before it. */
export function apply(
  state: State,
  topic: AnyId,
  seq: number,
  event: Named<Events> | undefined,
  now: number,
): "applied" | "seen" | "hole" {
  if (seq > 0) {
    const known = state.topics[topic];
    if (known !== undefined && seq <= known) return "seen";
    if (known !== undefined && seq > known + 1) return "hole";
    state.topics[topic] = seq;
  }
  if (event !== undefined) applyAgain(state, event, { topic, seq, now });
  return "applied";
}

/** Applies an event wherever it stands: what was fetched meanwhile may hold it or not. */
export function applyAgain<Name extends keyof Events>(
  state: State,
  event: { name: Name; body: Events[Name] },
  place: Place,
): void {
  const handler: Handler<Name> = HANDLERS[event.name];
  handler(state, event.body, place);
}
