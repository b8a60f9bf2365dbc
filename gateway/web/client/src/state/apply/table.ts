import type { AnyId, Events } from "../../codec.js";
import { type State } from "../state.js";

/** Where an event stands, and when it came. */
export interface Place {
  topic: AnyId;
  seq: number;
  now: number;
}

export type Handler<Name extends keyof Events> = (state: State, body: Events[Name], place: Place) => void;

/** Handlers of some events. Each says what is, so that it may be applied again. */
export type Handlers<Name extends keyof Events> = { readonly [Each in Name]: Handler<Each> };
