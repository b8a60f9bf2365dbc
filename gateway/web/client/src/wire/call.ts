// Requests and their answers.

import { decodeReply, requestFrame, type Requests, type ServerFrame, type Wire } from "../codec.js";
import { type Clock } from "../clock.js";
import { Refusal, refusalOf } from "../refusal.js";
import { pause } from "./backoff.js";

/** The body of a request; a nonce is made where none is given. */
export type Body<Name extends keyof Requests> = Requests[Name]["request"] extends { nonce: string }
  ? Omit<Requests[Name]["request"], "nonce"> & { nonce?: string }
  : Requests[Name]["request"];

export type Reply<Name extends keyof Requests> = Requests[Name]["reply"];

export interface CallOptions {
  /** For how many milliseconds an undecided request is repeated, with its nonce. 0: it is sent once, and only if a session is open. */
  patience?: number;
  /** Whether a limit is waited for as well, as long as the patience lasts: for what nobody asked for who could be told. */
  untilAllowed?: boolean;
}

/** Longer than what a cluster needs to get over a lost node. */
const PATIENCE = 30_000;
const LAST_REQUEST = 2 ** 32 - 1;

interface Waiter {
  go(): void;
  fail(refusal: Refusal): void;
}

interface Pending {
  name: keyof Requests;
  resolve(reply: unknown): void;
  reject(refusal: Refusal): void;
}

export interface CallsOptions {
  clock: Clock;
  random: () => number;
  isOpen(): boolean;
  send(frame: Wire): void;
}

export class Calls {
  private readonly pending = new Map<number, Pending>();
  /** Who waits for a session, and who waits before the next attempt. */
  private readonly waiting = new Set<Waiter>();
  private readonly resting = new Set<Waiter>();
  private last = 0;
  /** Shared by the calls of one time; `over` says why that ended. */
  private time: { over: Refusal | null } = { over: null };

  constructor(private readonly options: CallsOptions) {}

  /** Sends a request and repeats it until it is decided, or the patience is at its end. */
  async call<Name extends keyof Requests>(
    name: Name,
    scope: number,
    body: Requests[Name]["request"],
    { patience = PATIENCE, untilAllowed = false }: CallOptions = {},
  ): Promise<Reply<Name>> {
    const { clock, random } = this.options;
    const { time } = this;
    const deadline = clock.now() + patience;
    for (let attempt = 0; ; attempt += 1) {
      let refusal: Refusal;
      try {
        if (patience > 0) await this.untilOpen(deadline);
        return await this.attempt(name, scope, body, deadline);
      } catch (error) {
        refusal = refusalOf(error);
      }
      const wait = (refusal.retryAfter ?? 0) + pause(attempt, random);
      // Who is connected by now may be somebody else.
      if (time.over !== null) throw time.over;
      const passes = untilAllowed ? refusal.passing : refusal.undecided;
      if (!passes || clock.now() + wait > deadline) throw refusal;
      await this.rest(wait);
    }
  }

  /** Sends a request once. A connection that breaks leaves it `unknown`. */
  attempt<Name extends keyof Requests>(
    name: Name,
    scope: number,
    body: Requests[Name]["request"],
    deadline = Infinity,
  ): Promise<Reply<Name>> {
    if (!this.options.isOpen()) return Promise.reject(new Refusal("unavailable"));
    const request = (this.last = this.last === LAST_REQUEST ? 1 : this.last + 1);
    return new Promise((resolve, reject) => {
      const frame = requestFrame(name, request, scope, body);
      const left = deadline - this.options.clock.now();
      const late = () => this.settle(request)?.reject(new Refusal("unknown"));
      const callOff = left > 0 && left < Infinity ? this.options.clock.after(left, late) : () => {};
      this.pending.set(request, {
        name,
        resolve: (reply) => (callOff(), resolve(reply as Reply<Name>)),
        reject: (refusal) => (callOff(), reject(refusal)),
      });
      this.options.send(frame);
    });
  }

  /** Takes an answer. One that nobody waits for any more is dropped. */
  answer(frame: ServerFrame & { kind: "reply" | "refusal" }): void {
    const pending = this.settle(frame.request);
    if (pending === undefined) return;
    if (frame.kind === "refusal") {
      const { reason, detail, retry_after, code } = frame;
      return pending.reject(new Refusal(reason ?? "internal", detail, retry_after, code));
    }
    try {
      pending.resolve(decodeReply(pending.name, frame.body));
    } catch (error) {
      pending.reject(refusalOf(error));
    }
  }

  /** A session is open: whoever waited for one goes on. */
  opened(): void {
    for (const { go } of [...this.waiting]) go();
  }

  /** No session will open by itself, or another account's: whoever waited, for one or to try again, waits no longer. */
  closed(refusal: Refusal): void {
    this.time.over = refusal;
    this.time = { over: null };
    for (const { fail } of [...this.waiting, ...this.resting]) fail(refusal);
  }

  /** The connection broke: nobody knows what became of what was sent. */
  lost(): void {
    const pending = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of pending) reject(new Refusal("unknown"));
  }

  private settle(request: number): Pending | undefined {
    const pending = this.pending.get(request);
    this.pending.delete(request);
    return pending;
  }

  private untilOpen(deadline: number): Promise<void> | void {
    const { clock, isOpen } = this.options;
    if (isOpen()) return;
    return this.wait(this.waiting, deadline - clock.now(), ({ fail }) => fail(new Refusal("unavailable")));
  }

  /** A pause before the next attempt, which ends early where there will be none. */
  private rest(ms: number): Promise<void> {
    return this.wait(this.resting, ms, ({ go }) => go());
  }

  private wait(place: Set<Waiter>, ms: number, over: (waiter: Waiter) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => (callOff(), place.delete(waiter));
      const waiter = {
        go: () => (leave(), resolve()),
        fail: (refusal: Refusal) => (leave(), reject(refusal)),
      };
      // Without end there is no timer, which would keep a program running whose client was closed.
      const callOff = ms < Infinity ? this.options.clock.after(ms, () => over(waiter)) : () => {};
      place.add(waiter);
    });
  }
}
