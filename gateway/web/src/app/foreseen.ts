// What the server will say, shown before it says it: until all that was asked for was answered and told, or is so.
import type { Events, ServerId } from "confab-client";
import { createSignal } from "solid-js";
import { act } from "./act.ts";
import { client } from "./client.ts";

export interface Foreseen<Value> {
  of: (server: ServerId) => Value | undefined;
  /** Shows the value while `work` is under way. Whether it was done. */
  ask: (server: ServerId, value: Value, work: Promise<unknown>) => Promise<boolean>;
}

interface UnderWay<Value> {
  server: ServerId;
  value: Value;
  /** How many were asked for and not answered, and how many no event told yet. */
  asked: number;
  untold: number;
}

/** One value for a server at a time; `event` tells of it, and `isSo` says whether it is as foreseen. */
export function foresee<Value>(event: keyof Events, isSo: (server: ServerId, value: Value) => boolean): Foreseen<Value> {
  const [underWay, setUnderWay] = createSignal<UnderWay<Value>>();
  const settle = (now: UnderWay<Value>) => {
    const isDone = now.asked === 0 && (now.untold <= 0 || isSo(now.server, now.value));
    setUnderWay(isDone ? undefined : now);
  };
  client.on("event", ({ event: told, topic }) => {
    const now = underWay();
    if (told.name === event && now !== undefined && (now.server as number) === topic) settle({ ...now, untold: now.untold - 1 });
  });
  const of = (server: ServerId) => {
    const now = underWay();
    return now?.server === server ? now.value : undefined;
  };
  const ask = async (server: ServerId, value: Value, work: Promise<unknown>) => {
    const before = of(server) === undefined ? undefined : underWay();
    setUnderWay({ server, value, asked: (before?.asked ?? 0) + 1, untold: (before?.untold ?? 0) + 1 });
    const done = await act(work);
    const now = underWay();
    if (!done) setUnderWay(undefined);
    else if (now?.server === server) settle({ ...now, asked: now.asked - 1 });
    return done;
  };
  return { of, ask };
}
