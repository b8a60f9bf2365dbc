// What others use: a session, the state that it keeps right, and what can be done with both.

import {
  takesNonce,
  type ChannelId,
  type Events,
  type MemberPlace,
  type MessageId,
  type Named,
  type Requests,
  type ServerFrame,
  type ServerId,
  type SignedIn,
  type UserId,
} from "./codec.js";
import { CLOCK, type Clock } from "./clock.js";
import { Cache } from "./cache.js";
import { Fetches } from "./fetches.js";
import { History } from "./history.js";
import { Outbox } from "./outbox/outbox.js";
import { memoryStorage, type Storage } from "./outbox/storage.js";
import { ALONE, OWN_LOCK, type Lock, type Tabs } from "./outbox/tabs.js";
import { People } from "./people.js";
import { Reading } from "./reading.js";
import { Refusal, refusalOf } from "./refusal.js";
import { apply } from "./state/apply/index.js";
import { emptyKnowledge, emptyState, serverOf, type Connection, type State } from "./state/state.js";
import { Sync } from "./sync.js";
import { Calls, type Body, type CallOptions, type Reply } from "./wire/call.js";
import { ask, askByCookie, type Door, type Fetch } from "./wire/http.js";
import { clockTicker, type Ticker } from "./wire/pulse.js";
import { Session } from "./wire/session.js";
import { socketsOf, type OpenSocket, type WebSocketClass } from "./wire/socket.js";

export interface ClientOptions {
  /** A gateway, or several of one cluster: `https://chat.example`. */
  url: string | readonly string[];
  /** What opens the session of a bot. Without one, `signIn` gets one. */
  token?: string;
  /** The browser's way: the token rests in a cookie that no script reads. */
  cookie?: boolean;
  /** Where to keep the state; an empty one otherwise. */
  state?: State;
  /** How the state is changed; a user interface wraps it, to notice. */
  mutate?: (change: (state: State) => void) => void;
  /** When events that came are applied: at once, or with the next picture. It is called once until it ran what it got. */
  schedule?: (flush: () => void) => void;
  /** Where a device keeps what survives a reload, by account. */
  storage?: (user: UserId) => Storage | Promise<Storage>;
  lock?: Lock;
  tabs?: (user: UserId) => Tabs;
  clock?: Clock;
  ticker?: Ticker;
  random?: () => number;
  fetch?: Fetch;
  /** The class of WebSockets, where the platform has none: Node 20 with the package `ws`. */
  webSocket?: WebSocketClass;
  socket?: OpenSocket;
}

/** What a client tells besides its state. */
export interface Told {
  /** An event was applied, and its server is known; `topic` is the server or the account. */
  event: { event: Named<Events>; topic: number; seq: number };
  connection: Connection;
  /** Something that was to be fetched could not be: what is shown may be old. */
  failed: unknown;
}

/** A sign-in without its nonce. */
export type Credentials<Name extends "login" | "register" | "guest"> = Body<Name>;

export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

export class Client {
  readonly state: State;
  /** The token of the session, for those who keep it themselves. */
  token: string | null;

  private readonly clock: Clock;
  private readonly session: Session;
  private readonly calls: Calls;
  private readonly fetches: Fetches;
  private readonly sync: Sync;
  private readonly history: History;
  private readonly people: People;
  private readonly reading: Reading;
  private readonly outbox: Outbox;
  private readonly cache: Cache;
  private readonly urls: readonly string[];
  private readonly listeners: { [Name in keyof Told]: Set<(told: Told[Name]) => void> } = {
    event: new Set(),
    connection: new Set(),
    failed: new Set(),
  };
  private queue: (ServerFrame & { kind: "event" })[] = [];
  private readonly held: Told["event"][] = [];
  private scheduled = false;
  private storage: Storage | null = null;
  private owner: UserId | null = null;

  constructor(private readonly options: ClientOptions) {
    const { clock = CLOCK, random = Math.random, state = emptyState(), token = null, url } = options;
    this.clock = clock;
    this.state = state;
    this.token = token;
    this.urls = typeof url === "string" ? [url] : url;
    const mutate = (change: (state: State) => void) => this.mutate(change);
    const isOpen = () => this.session.open;
    this.session = new Session(
      {
        urls: this.urls,
        openSocket: options.socket ?? socketsOf(options.webSocket ?? (globalThis.WebSocket as WebSocketClass)),
        clock,
        ticker: options.ticker ?? clockTicker(clock),
        random,
      },
      {
        token: () => this.token ?? "",
        places: () => this.places(),
        connection: (connection) => this.connected(connection),
        ready: (ready, resumed) => {
          this.connected({ state: "catching_up", since: clock.now() });
          this.sync.ready(ready, resumed);
          this.calls.opened();
          this.own(ready.user.user_id).catch((error) => this.tell("failed", error));
        },
        frame: (frame) => this.take(frame),
        control: (control) => {
          this.flush();
          this.sync.control(control);
        },
        lost: () => {
          this.flush();
          this.calls.lost();
        },
      },
    );
    this.calls = new Calls({ clock, random, isOpen, send: (frame) => this.session.send(frame) });
    const call = <Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]) =>
      this.calls.call(name, scope, body);
    this.fetches = new Fetches(mutate);
    this.cache = new Cache({ state, mutate, clock });
    this.people = new People({ state, fetches: this.fetches, call });
    this.reading = new Reading({ state, mutate, clock, call });
    this.history = new History({
      state,
      mutate,
      fetches: this.fetches,
      call,
      met: (users, server) => this.people.meet(users, server),
      changed: (channel) => this.cache.note(channel),
      failed: (error) => this.tell("failed", error),
    });
    this.sync = new Sync({
      state,
      mutate,
      fetches: this.fetches,
      call,
      reload: (channel) => this.history.latest(channel),
      shown: () => this.history.shown(),
      caughtUp: () => {
        this.release(true);
        if (this.status.state === "catching_up") this.connected({ state: "open", since: this.clock.now() });
      },
      failed: (error) => this.tell("failed", error),
    });
    this.outbox = new Outbox({
      state,
      mutate,
      clock,
      random,
      lock: options.lock ?? OWN_LOCK,
      isOpen,
      attempt: ({ server_id, nonce, channel_id, content, reply_to, silent_reply }) =>
        this.calls.attempt("message_new", server_id, { nonce, channel_id, content, reply_to, silent_reply }),
    });
  }

  /** How it stands with the connection. */
  get status(): Connection {
    return this.state.connection;
  }

  /** Opens the session, and keeps it open: it resumes by itself. */
  connect(): void {
    this.session.connect();
  }

  /** Shows what this device kept of an account, and takes up its outbox, before anything was fetched. */
  restore(user: UserId): Promise<void> {
    return this.own(user);
  }

  /** Writes down what would be written soon, and tells what was read: the page may be gone in a moment. */
  save(): void {
    this.reading.tell();
    this.cache.save();
  }

  /** Ends the connection for good; what is in the outbox stays there. */
  close(): void {
    this.save();
    this.session.close();
    this.outbox.close();
    this.cache.close();
    this.storage?.close();
    this.storage = null;
    this.owner = null;
    this.calls.closed(new Refusal("unavailable"));
  }

  /** Hears what is told; what it returns ends that. */
  on<Name extends keyof Told>(name: Name, hear: (told: Told[Name]) => void): () => void {
    this.listeners[name].add(hear);
    return () => void this.listeners[name].delete(hear);
  }

  /**
   * Sends a request, and repeats it with its nonce until it is decided or the patience is at its end.
   * `scope` is the id of a server, or 0 for the account. What is refused is thrown as a `Refusal`.
   * Who is not signed in asks over HTTP.
   */
  call<Name extends keyof Requests>(
    name: Name,
    scope: number,
    body: Body<Name>,
    options: CallOptions = {},
  ): Promise<Reply<Name>> {
    const request = this.withNonce(name, body);
    const { state } = this.status;
    const stranger = state === "closed" || state === "signed_out" || state === "stopped";
    return stranger ? ask(this.door(), name, scope, request) : this.calls.call(name, scope, request, options);
  }

  /** Fetches, and makes the reply part of the state, rightly also with events that come meanwhile. */
  fetch<Name extends keyof Requests>(
    name: Name,
    scope: number,
    body: Requests[Name]["request"],
    merge: (state: State, reply: Reply<Name>) => void,
  ): Promise<Reply<Name>> {
    return this.fetches.run(() => this.calls.call(name, scope, body), merge);
  }

  // Signing in and out.

  /** Signs in with a name and a password, and connects. */
  signIn(body: Credentials<"login">): Promise<void> {
    return this.enter("login", body);
  }

  /** Makes an account, and connects. */
  signUp(body: Credentials<"register">): Promise<void> {
    return this.enter("register", body);
  }

  /** Comes in without a password, and connects. */
  guest(body: Credentials<"guest"> = {}): Promise<void> {
    return this.enter("guest", body);
  }

  /** Ends the session, on this device for good: what it kept is forgotten. */
  async signOut(): Promise<void> {
    try {
      if (this.options.cookie) await askByCookie(this.door(), "logout", { nonce: this.nonce() });
      else await this.call("logout", 0, {});
    } catch (error) {
      // A repeat finds the session ended.
      if (refusalOf(error).reason !== "unauthenticated") throw error;
    }
    this.session.close();
    this.outbox.close();
    this.cache.close();
    await this.storage?.clear();
    this.storage?.close();
    this.storage = null;
    this.token = null;
    this.forget();
    this.connected({ state: "signed_out", because: "signed_out" });
  }

  // Talking.

  /** Sends a message: it shows at once, and goes as soon as it can. Returns its nonce, which is the key of its row. */
  send(
    channel_id: ChannelId,
    content: string,
    { replyTo = null, silent = false }: { replyTo?: MessageId | null; silent?: boolean } = {},
  ): string {
    const server_id = this.state.channels[channel_id]?.server_id;
    if (server_id === undefined) throw new Refusal("unknown_channel");
    const nonce = this.nonce();
    this.outbox.add({ nonce, server_id, channel_id, content, reply_to: replyTo, silent_reply: silent });
    return nonce;
  }

  /** Tries again what failed. */
  retry(nonce: string): void {
    this.outbox.retry(nonce);
  }

  /** Takes back what failed, or did not go yet. */
  discard(nonce: string): void {
    this.outbox.discard(nonce);
  }

  /** Keeps what somebody writes in a channel. */
  draft(channel: ChannelId, text: string, replyTo: MessageId | null = null): void {
    this.outbox.draft(channel, text, replyTo);
  }

  /** Tells a channel that somebody types; nobody is told where that fails. */
  typing(channel_id: ChannelId): void {
    const scope = this.state.channels[channel_id]?.server_id;
    if (scope !== undefined) this.calls.attempt("typing", scope, { channel_id }).catch(() => {});
  }

  // Looking.

  /** Shows a channel: its end is fetched unless it is held. What this returns ends the showing. */
  show(channel: ChannelId): () => void {
    const hide = this.history.show(channel);
    const server = this.state.channels[channel]?.server_id;
    if (server !== undefined && this.session.open) this.sync.stand(server).catch((error) => this.tell("failed", error));
    return hide;
  }

  /** Fetches the end of a channel's history, in place of what is held. */
  latest(channel: ChannelId): Promise<void> {
    return this.history.latest(channel);
  }

  /** Fetches what comes before what is held. */
  older(channel: ChannelId): Promise<void> {
    return this.history.more(channel, "before");
  }

  /** Fetches what comes behind what is held. */
  newer(channel: ChannelId): Promise<void> {
    return this.history.more(channel, "after");
  }

  /** Fetches a message with those around it, in place of what is held. */
  around(channel: ChannelId, message: MessageId): Promise<void> {
    return this.history.around(channel, message);
  }

  /** Whether the reader is at the end of what is held: then the oldest make room for what is new, else what is new waits. */
  follow(channel: ChannelId, follow: boolean): void {
    this.history.follow(channel, follow);
  }

  /** What was seen up to there is read. */
  read(channel: ChannelId, seq: number): void {
    this.reading.read(channel, seq);
  }

  /** What follows `seq` is to count as unread. */
  markUnread(channel: ChannelId, seq: number): Promise<void> {
    return this.reading.markUnread(channel, seq);
  }

  /** Looks up people of whom only ids are known, in a server as its members. */
  meet(users: readonly UserId[], server?: ServerId): void {
    this.people.meet(users, server);
  }

  /** A page of the member list, in the order in which it is shown. */
  members(server: ServerId, place: MemberPlace | null = null): Promise<Reply<"members_list">> {
    return this.people.members(server, place);
  }

  /** A page of those who are there, in the same order. */
  online(server: ServerId, place: MemberPlace | null = null): Promise<Reply<"users_online">> {
    return this.people.online(server, place);
  }

  /** Hears how these members are from now on, in place of those before: at most 200 of a server. */
  watch(server: ServerId, users: UserId[]): Promise<void> {
    return this.sync.watch(server, users);
  }

  // What the platform knows.

  /** Tries at once; an open connection is asked whether it lives. */
  tryNow(): void {
    this.session.tryNow();
  }

  /** Whether the device has a network. */
  setOnline(online: boolean): void {
    this.session.setOnline(online);
  }

  /** Whether somebody looks at it. */
  setSeen(seen: boolean): void {
    // A picture that the rest would wait for may not come.
    if (!seen) this.flush();
    this.session.setSeen(seen);
  }

  /** Whether nobody uses it: others see the account as idle where all its sessions say so. */
  setIdle(idle: boolean): void {
    this.session.setIdle(idle);
  }

  // The rest is its own.

  private mutate(change: (state: State) => void): void {
    if (this.options.mutate === undefined) change(this.state);
    else this.options.mutate(change);
  }

  private tell<Name extends keyof Told>(name: Name, told: Told[Name]): void {
    for (const hear of this.listeners[name]) hear(told);
  }

  private connected(connection: Connection): void {
    this.mutate((state) => void (state.connection = connection));
    if (connection.state === "signed_out") {
      this.calls.closed(new Refusal("unauthenticated"));
      this.cache.forget().catch(() => {});
    }
    if (connection.state === "stopped") this.calls.closed(new Refusal("unavailable"));
    this.tell("connection", connection);
  }

  private places(): ReturnType<ConstructorParameters<typeof Session>[1]["places"]> {
    const { epoch, topics } = this.state;
    if (epoch === null) return null;
    return { epoch, topics: Object.entries(topics).map(([topic, seq]) => ({ topic: Number(topic) as never, seq })) };
  }

  private take(frame: ServerFrame): void {
    if (frame.kind === "event") {
      this.queue.push(frame);
      if (this.options.schedule === undefined) return this.flush();
      if (this.scheduled) return;
      this.scheduled = true;
      this.options.schedule(() => this.flush());
    } else if (frame.kind === "reply" || frame.kind === "refusal") {
      // A reply is not overtaken by events that came before it, nor the other way round.
      this.flush();
      this.calls.answer(frame);
    }
  }

  /** Applies what came, all of it in one change of the state. */
  private flush(): void {
    this.scheduled = false;
    const frames = this.queue;
    if (frames.length === 0) return;
    this.queue = [];
    const now = this.clock.now();
    const applied: Told["event"][] = [];
    let hole = false;
    this.mutate((state) => {
      for (const { topic, seq, event } of frames) {
        const outcome = apply(state, topic as never, seq, event, now);
        hole ||= outcome === "hole";
        if (outcome !== "applied" || event === undefined) continue;
        this.fetches.note(event, { topic: topic as never, seq, now });
        applied.push({ event, topic, seq });
      }
    });
    for (const told of applied) this.after(told);
    // Something is missing: on another connection it is told.
    if (hole) this.session.restart();
  }

  private after(told: Told["event"]): void {
    const { event } = told;
    if (event.name === "server_joined") this.sync.joined(event.body.server.server_id);
    else if (event.name === "status_updated") this.sync.statusChanged();
    else if (event.name === "message_created") this.people.meet([event.body.message.author_id], told.topic as ServerId);
    this.cache.note((event.body as { channel_id?: ChannelId }).channel_id);
    this.held.push(told);
    this.release();
  }

  /** Tells of events in their order, each once what is to be known of its server was fetched. */
  private release(all = false): void {
    const waits = ({ topic }: Told["event"]) => serverOf(this.state, topic as never)?.loaded === false;
    while (this.held[0] !== undefined && (all || !waits(this.held[0]))) {
      const told = this.held.shift();
      if (told !== undefined) this.tell("event", told);
    }
  }

  private async enter<Name extends "login" | "register" | "guest">(name: Name, body: Credentials<Name>): Promise<void> {
    const request = this.withNonce(name, body as Body<Name>);
    // Who is refused stays who he was.
    let token: string | null = null;
    if (this.options.cookie) await askByCookie(this.door(), name, request);
    else ({ token } = (await ask(this.door(), name, 0, request)) as SignedIn);
    this.session.close();
    this.forget();
    this.token = token;
    this.connect();
  }

  /** Takes up the outbox of who signed in. */
  private async own(user: UserId): Promise<void> {
    this.cache.note();
    if (this.owner === user) return this.outbox.pump();
    if (this.owner !== null) {
      // Somebody else signed in, perhaps in another tab.
      this.outbox.close();
      this.cache.close();
      this.storage?.close();
      this.mutate((state) => Object.assign(state, { sends: {}, drafts: {} }));
    }
    this.owner = user;
    this.storage = await (this.options.storage?.(user) ?? memoryStorage());
    await this.cache.open(this.storage);
    await this.outbox.open(this.storage, String(user), this.options.tabs?.(user) ?? ALONE);
  }

  private forget(): void {
    this.owner = null;
    this.sync.forget();
    this.people.forget();
    this.mutate((state) => Object.assign(state, emptyKnowledge(), { sends: {}, drafts: {} }));
  }

  private door(): Door {
    const fetch: Fetch = this.options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    return { urls: this.urls, fetch, token: this.token };
  }

  private nonce(): string {
    return crypto.randomUUID();
  }

  private withNonce<Name extends keyof Requests>(name: Name, body: Body<Name>): Requests[Name]["request"] {
    return (takesNonce(name) ? { nonce: this.nonce(), ...body } : body) as Requests[Name]["request"];
  }
}
