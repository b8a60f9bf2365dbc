// One session over many connections: connects, opens, resumes, and says honestly how it stands.

import { decode as unpack, encode as pack } from "@msgpack/msgpack";

import {
  CLOSE_CODES,
  controlFrame,
  readFrame,
  type ClientControls,
  type Named,
  type Ready,
  type ServerControls,
  type ServerFrame,
  type TopicSeq,
  type Wire,
} from "../codec.js";
import { type ClusterClock } from "../clock.js";
import { type Connection } from "../state/state.js";
import { pauseAfter, reconnects } from "./backoff.js";
import { Pulse, type Ticker } from "./pulse.js";
import { socketUrl, type OpenSocket, type Socket } from "./socket.js";

export interface SessionOptions {
  /** Gateways of one cluster: after a lost connection the next one is tried. */
  urls: readonly string[];
  openSocket: OpenSocket;
  clock: ClusterClock;
  ticker: Ticker;
  random: () => number;
}

export interface SessionHandlers {
  /** What opens the session: a token, or "" where the cookie does it. */
  token(): string;
  /** From where to go on, or nothing: then the stream begins anew. */
  places(): { epoch: string; topics: TopicSeq[] } | null;
  connection(connection: Connection): void;
  /** Whether the open connection may be gone: the platform says so, and the gateway is being asked. */
  doubted(doubted: boolean): void;
  ready(ready: Ready, resumed: boolean): void;
  /** Replies, refusals and events. */
  frame(frame: ServerFrame): void;
  /** What is left of the control frames: cursor, gap, sight, registers. */
  control(control: Named<ServerControls>): void;
  /** Whatever had no answer yet gets none. */
  lost(): void;
}

/** Two seconds longer than a gateway waits for an account's topics. */
const OPENING = 12_000;
/** How long the first attempts wait for a word: behind a balancer that does not know yet that a node is gone, the next one may reach
 * another. Those that follow leave a slow network the time to open. */
const GREETING = 4_000;
const SHORT_ATTEMPTS = 4;
/** Who leaves for good is gone for others at once, who comes back is not. */
const FOR_GOOD = 1_000;
const FOR_NOW = 3_000;
/** A connection that held so long was a good one. One that ends as it opens is tried again ever more slowly, not forty times a second. */
const HELD = 5_000;
/** Close codes of our own: the gateway went silent, or sent what cannot be. */
const SILENT = 4_900;

export class Session {
  private socket: Socket | null = null;
  private pulse: Pulse | null = null;
  private at = 0;
  private attempt = 0;
  private beats = 0;
  private isOpen = false;
  private wanted = false;
  private resuming = false;
  private online = true;
  private doubted = false;
  private seen = true;
  private idle: boolean | null = null;
  private askedAt = 0;
  private openedAt = 0;
  /** Calls off what is due: giving an attempt up, or the next one. */
  private callOff = () => {};
  /** Calls off the move to another gateway, which this one asked for. */
  private stay = () => {};

  constructor(
    private readonly options: SessionOptions,
    private readonly on: SessionHandlers,
  ) {}

  /** Whether requests may be sent now. */
  get open(): boolean {
    return this.isOpen;
  }

  /** Begins, and goes on until it is closed. */
  connect(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.attempt = 0;
    this.dial();
  }

  /** Ends for good: others see at once that nobody is here. */
  close(): void {
    this.wanted = false;
    this.hangUp(FOR_GOOD);
    this.on.connection({ state: "closed" });
  }

  /** Begins a connection anew, and resumes there. */
  restart(): void {
    this.wanted = true;
    this.hangUp(FOR_NOW);
    this.dial();
  }

  /** Does not wait for the next attempt; an open connection is asked whether it lives. */
  tryNow(): void {
    if (this.isOpen) this.pulse?.probe();
    else if (this.wanted && this.socket === null) this.dial();
  }

  /** What the platform says of the network. It may be wrong when it says that there is one. */
  setOnline(online: boolean): void {
    this.online = online;
    if (this.isOpen) this.doubt(!online);
    if (online || this.isOpen) this.tryNow();
    else if (this.wanted) this.wait(CLOSE_CODES.Shutdown);
  }

  /** Whether somebody looks: whoever does not comes back more slowly. */
  setSeen(seen: boolean): void {
    this.seen = seen;
    if (seen) this.tryNow();
  }

  /** Whether somebody uses this device. */
  setIdle(idle: boolean): void {
    if (this.idle === idle) return;
    this.idle = idle;
    if (this.pulse !== null) this.beat();
  }

  /** Sends a frame; only while it is open. */
  send(frame: Wire): void {
    this.socket?.send(pack(frame));
  }

  private dial(): void {
    const { clock, openSocket, urls } = this.options;
    this.callOff();
    this.on.connection({ state: "connecting", since: clock.now() });
    const url = urls[this.at % urls.length] ?? "";
    const socket = openSocket(socketUrl(url), {
      onMessage: (bytes) => void (this.socket === socket && this.read(bytes)),
      onClose: (code) => void (this.socket === socket && this.end(code)),
    });
    this.socket = socket;
    this.giveUpAfter(this.attempt < SHORT_ATTEMPTS ? GREETING : OPENING);
  }

  private giveUpAfter(patience: number): void {
    this.callOff();
    this.callOff = this.options.clock.after(patience, () => this.drop(SILENT));
  }

  private read(bytes: Uint8Array): void {
    this.pulse?.hear();
    this.doubt(false);
    const socket = this.socket;
    let frame: ServerFrame;
    try {
      frame = readFrame(unpack(bytes));
    } catch {
      // No frame of this protocol: another connection may be better.
      return this.drop(SILENT);
    }
    if (frame.kind === "control") this.take(frame.control);
    else if (this.isOpen) this.on.frame(frame);
    else if (frame.kind === "refusal" && socket === this.socket) this.refuse(frame);
  }

  /** Opening was refused: for good if it was the token, else for now. */
  private refuse({ reason }: ServerFrame & { kind: "refusal" }): void {
    const known = reason === "unauthenticated" ? CLOSE_CODES.Unauthenticated : CLOSE_CODES.OutOfSync;
    this.drop(known);
  }

  private take(control: Named<ServerControls>): void {
    switch (control.name) {
      case "hello":
        return this.greet(control.body.heartbeat_ms);
      case "ready":
        return this.begin(control.body);
      case "heartbeat":
        return;
      case "reconnect":
        return this.move(control.body.delay_ms);
      default:
        this.on.control(control);
    }
  }

  private greet(every: number): void {
    const { clock, ticker } = this.options;
    this.pulse?.stop();
    this.pulse = new Pulse(every, clock, ticker, {
      beat: () => this.beat(),
      dead: () => this.drop(SILENT),
    });
    this.giveUpAfter(OPENING);
    this.askedAt = clock.now();
    const token = this.on.token();
    const places = this.on.places();
    this.resuming = places !== null;
    // Else it would look as if the device was used.
    if (this.idle) this.beat();
    if (places === null) this.control("identify", { token });
    else this.control("resume", { token, ...places });
  }

  private begin(ready: Ready): void {
    this.callOff();
    this.isOpen = true;
    if (ready.sent_at > 0) this.options.clock.learn(ready.sent_at, this.askedAt);
    this.openedAt = this.options.clock.now();
    this.on.ready(ready, this.resuming);
  }

  /** This gateway is about to stop, or others have fewer connections. */
  private move(delay: number): void {
    this.stay();
    this.stay = this.options.clock.after(delay, () => {
      this.at += 1;
      this.restart();
    });
  }

  private beat(): void {
    this.beats += 1;
    this.control("heartbeat", { number: this.beats, idle: this.idle });
  }

  private control<Name extends keyof ClientControls>(name: Name, body: ClientControls[Name]): void {
    this.send(controlFrame(name, body));
  }

  /** Ends a connection that is of no use any more, as if the gateway had. */
  private drop(code: number): void {
    this.hangUp(FOR_NOW);
    this.end(code);
  }

  private end(code: number): void {
    this.hangUp(FOR_NOW);
    this.at += 1;
    if (code === CLOSE_CODES.Unauthenticated || code === CLOSE_CODES.Revoked) {
      this.wanted = false;
      const because = code === CLOSE_CODES.Revoked ? "revoked" : "unauthenticated";
      this.on.connection({ state: "signed_out", because });
    } else if (code === SILENT || reconnects(code)) {
      this.wait(code);
    } else {
      this.wanted = false;
      this.on.connection({ state: "stopped", code });
    }
  }

  /** Waits for the next attempt. */
  private wait(code: number): void {
    const { clock, random } = this.options;
    this.hangUp(FOR_NOW);
    if (!this.online) return this.on.connection({ state: "offline", since: clock.now() });
    const next = pauseAfter(code, this.attempt, random, this.seen);
    this.attempt += 1;
    this.on.connection({ state: "lost", since: clock.now(), next: clock.now() + next });
    this.callOff = clock.after(next, () => this.dial());
  }

  private doubt(doubted: boolean): void {
    if (this.doubted !== doubted) this.on.doubted((this.doubted = doubted));
  }

  private hangUp(code: number): void {
    this.doubted = false;
    this.callOff();
    this.stay();
    this.pulse?.stop();
    this.pulse = null;
    this.socket?.close(code);
    this.socket = null;
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.options.clock.now() - this.openedAt >= HELD) this.attempt = 0;
    this.on.lost();
  }
}
