// What others use: a session, the state that it keeps right, and what can be done with both.

import { REQUESTS, type ChannelId, type Events, type MemberPlace, type MessageId, type Requests, type ServerFrame, type ServerId, type UserId } from "./codec.js";
import { CLOCK, ClusterClock } from "./clock.js";
import { Cache } from "./cache.js";
import { Device } from "./device.js";
import { Entry, withNonce } from "./entry.js";
import { Fetches } from "./fetches.js";
import { History, type Opening } from "./history.js";
import { Incoming } from "./incoming.js";
import { Mentions } from "./mentions.js";
import { newNonce } from "./nonce.js";
import { type ClientOptions, type Credentials, type Told } from "./options.js";
import { Outbox } from "./outbox/outbox.js";
import { OWN_LOCK } from "./outbox/tabs.js";
import { People } from "./people.js";
import { Reading } from "./reading.js";
import { Refusal } from "./refusal.js";
import { advanceLevel, levelAt, type LevelSetting, type Scope } from "./state/levels.js";
import { emptyKnowledge, emptyState, type Connection, type State } from "./state/state.js";
import { Sync } from "./sync.js";
import { Calls, type Body, type CallOptions, type Reply } from "./wire/call.js";
import { clockTicker } from "./wire/pulse.js";
import { Session } from "./wire/session.js";
import { socketsOf, type WebSocketClass } from "./wire/socket.js";

export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

export class Client {
  readonly state: State;

  /** What is shown of time is that of the cluster. */
  private readonly clock: ClusterClock;
  private readonly entry: Entry;
  private readonly session: Session;
  private readonly calls: Calls;
  private readonly fetches: Fetches;
  private readonly incoming: Incoming;
  private readonly mentions: Mentions;
  private readonly sync: Sync;
  private readonly history: History;
  private readonly people: People;
  private readonly reading: Reading;
  private readonly outbox: Outbox;
  private readonly cache: Cache;
  private readonly device: Device;
  private readonly listeners: { [Name in keyof Told]: Set<(told: Told[Name]) => void> } = {
    event: new Set(),
    connection: new Set(),
    failed: new Set(),
  };

  constructor(private readonly options: ClientOptions) {
    const { clock: device = CLOCK, random = Math.random, state = emptyState() } = options;
    const clock = (this.clock = new ClusterClock(device));
    this.state = state;
    this.entry = new Entry(options);
    const mutate = (change: (state: State) => void) => this.mutate(change);
    const failed = (error: unknown) => this.tell("failed", error);
    const calling =
      (how: CallOptions) =>
      <Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]) =>
        this.calls.call(name, scope, body, how);
    const call = calling({ untilAllowed: true });
    // What the state is wrong without is asked for until it is there.
    const insist = calling({ untilAllowed: true, patience: Infinity });
    this.session = this.openSession(random);
    const isOpen = () => this.session.open;
    this.calls = new Calls({ clock: device, random, isOpen, send: (frame) => this.session.send(frame) });
    this.reading = new Reading({ state, mutate, clock, call: calling({}) });
    // Whatever the cluster says, what was read here stays read.
    const learn = (change: (state: State) => void) =>
      mutate((state) => {
        change(state);
        this.reading.hold(state);
      });
    this.fetches = new Fetches(learn);
    this.incoming = new Incoming({
      state,
      mutate: learn,
      clock,
      schedule: options.schedule,
      fetches: this.fetches,
      applied: (told) => this.applied(told),
      tell: (told) => this.tell("event", told),
      // On another connection it is told what is missing.
      hole: () => void (this.session.open && this.session.restart()),
    });
    this.cache = new Cache({ state, mutate, clock });
    this.people = new People({ state, fetches: this.fetches, call });
    this.history = new History({
      state,
      mutate,
      fetches: this.fetches,
      call,
      met: (users, server) => this.people.meet(users, server),
      changed: (channel) => this.cache.note(channel),
      failed,
    });
    this.mentions = new Mentions({ state, clock, random, mutate: learn, fetches: this.fetches, call: insist, failed });
    this.sync = new Sync({
      state,
      mutate,
      fetches: this.fetches,
      mentions: this.mentions,
      call: insist,
      reload: (channel) => this.history.reload(channel),
      shown: () => this.history.shown(),
      caughtUp: () => this.caughtUp(),
      failed,
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
    const { cache, outbox } = this;
    this.device = new Device({ clock, mutate, cache, outbox, storage: options.storage, tabs: options.tabs, failed });
  }

  /** How it stands with the connection. */
  get status(): Connection {
    return this.state.connection;
  }

  /** The token of the session, for those who keep it themselves. */
  get token(): string | null {
    return this.entry.token;
  }

  /** What time it is in the cluster, as far as it said so: the clock of the device may be wrong. */
  now(): number {
    return this.clock.now();
  }

  /** Opens the session, and keeps it open: it resumes by itself. */
  connect(): void {
    this.session.connect();
  }

  /** Begins a connection anew: the cookie that opens it may be another one now. */
  reconnect(): void {
    if (this.status.state === "signed_out") this.forget();
    this.session.restart();
  }

  /** Shows what this device kept of an account, and takes up its outbox, before anything was fetched. */
  restore(user: UserId): Promise<void> {
    return this.device.own(user);
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
    this.device.release();
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
   * Who is not signed in asks over HTTP, and only what everyone may ask.
   */
  call<Name extends keyof Requests>(
    name: Name,
    scope: number,
    body: Body<Name>,
    options: CallOptions = {},
  ): Promise<Reply<Name>> {
    const request = withNonce(name, body);
    const { state } = this.status;
    if (state !== "closed" && state !== "signed_out" && state !== "stopped") return this.calls.call(name, scope, request, options);
    const known = this.token !== null && state !== "signed_out";
    // What nobody would be answered is not asked.
    if (!known && !REQUESTS[name].anyone) return Promise.reject(new Refusal(state === "stopped" ? "unavailable" : "unauthenticated"));
    return this.entry.ask(name, scope, request);
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
    await this.entry.leave(() => this.call("logout", 0, {}));
    this.session.close();
    // A storage may take its time, or fail: what is shown goes before that.
    const cleared = this.device.clear();
    this.forget();
    this.connected({ state: "signed_out", because: "signed_out" });
    await cleared;
  }

  // Talking.

  /**
   * Sends a message: it shows at once, and goes as soon as it can. Returns its nonce, which is the key of its row.
   * With `hold` it waits so many milliseconds at most for `amend`, and those behind it wait with it.
   */
  send(
    channel_id: ChannelId,
    content: string,
    { replyTo = null, silent = false, hold = 0 }: { replyTo?: MessageId | null; silent?: boolean; hold?: number } = {},
  ): string {
    const server_id = this.state.channels[channel_id]?.server_id;
    if (server_id === undefined) throw new Refusal("unknown_channel");
    const nonce = newNonce();
    this.outbox.add({ nonce, server_id, channel_id, content, reply_to: replyTo, silent_reply: silent }, hold);
    return nonce;
  }

  /** Gives a message that is held its final text, and lets it go. */
  amend(nonce: string, content: string): void {
    this.outbox.amend(nonce, content);
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

  /** Shows a channel: its end is fetched unless it is held, or the place that it is to be opened at. What this returns ends the showing. */
  show(channel: ChannelId, opening?: Opening): () => void {
    const hide = this.history.show(channel, opening);
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

  /** Fetches what stands before and behind a place, in place of what is held: `seq` is the last message before it. */
  behind(channel: ChannelId, seq: number): Promise<void> {
    return this.history.behind(channel, seq);
  }

  /**
   * Whether the reader is at the end of what is held: then the oldest make room for what is new, else what is new waits,
   * and what is fetched anew is what stands around the message that he is at.
   */
  follow(channel: ChannelId, follow: boolean, seq?: number): void {
    this.history.follow(channel, follow, seq);
  }

  /** What was seen up to there is read. */
  read(channel: ChannelId, seq: number): void {
    this.reading.read(channel, seq);
  }

  /** What follows `seq` is to count as unread. */
  async markUnread(channel: ChannelId, seq: number): Promise<void> {
    await this.reading.markUnread(channel, seq);
    this.mentions.moved(channel);
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

  // Being told.

  /**
   * Sets what to be told of in a server, a category or a channel, or everywhere. Refused as `moved` where another device set it
   * and this one did not hear of that yet.
   */
  async setLevel(scope_id: Scope, setting: LevelSetting): Promise<void> {
    const seen = levelAt(this.state, scope_id).version;
    const level = await this.calls.call("notification_level_set", 0, { scope_id, ...setting, seen });
    this.mutate((state) => advanceLevel(state, level));
  }

  /** Fetches how the account is told, and keeps it right from then on. */
  notifications(): Promise<void> {
    return this.sync.notifications();
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
    if (!seen) this.incoming.flush();
    this.session.setSeen(seen);
  }

  /** Whether nobody uses it: others see the account as idle where all its sessions say so. */
  setIdle(idle: boolean): void {
    this.session.setIdle(idle);
  }

  // The rest is its own.

  private openSession(random: () => number): Session {
    const { clock, options } = this;
    return new Session(
      {
        urls: this.entry.urls,
        openSocket: options.socket ?? socketsOf(options.webSocket ?? (globalThis.WebSocket as WebSocketClass)),
        clock,
        ticker: options.ticker ?? clockTicker(clock),
        random,
      },
      {
        token: () => this.entry.token ?? "",
        places: () => this.places(),
        connection: (connection) => this.connected(connection),
        doubted: (doubted) =>
          this.mutate(({ connection }) => {
            if (connection.state === "open" || connection.state === "catching_up") connection.doubted = doubted;
          }),
        ready: (ready, resumed) => {
          // Another tab signed somebody else in: what was wanted here is not theirs to do.
          const { me } = this.state;
          if (me !== null && me.user_id !== ready.user.user_id) this.forget();
          this.connected({ state: "catching_up", since: clock.now() });
          this.sync.ready(ready, resumed);
          this.calls.opened();
          this.cache.note();
          this.device.own(ready.user.user_id).catch((error) => this.tell("failed", error));
        },
        frame: (frame) => this.take(frame),
        control: (control) => {
          this.incoming.flush();
          if (control.name === "gap") this.people.forget();
          this.sync.control(control);
        },
        lost: () => {
          this.incoming.flush();
          this.calls.lost();
          this.outbox.follow();
        },
      },
    );
  }

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
      void this.device.forget();
    }
    if (connection.state === "stopped") this.calls.closed(new Refusal("unavailable"));
    this.tell("connection", connection);
  }

  private caughtUp(): void {
    this.incoming.release(true);
    if (this.status.state === "catching_up") this.connected({ state: "open", since: this.clock.now() });
  }

  /** From where a stream goes on. What a cache showed is not part of one. */
  private places(): ReturnType<ConstructorParameters<typeof Session>[1]["places"]> {
    const { epoch, session, topics } = this.state;
    if (epoch === null || session === null) return null;
    return { epoch, topics: Object.entries(topics).map(([topic, seq]) => ({ topic: Number(topic) as never, seq })) };
  }

  private take(frame: ServerFrame): void {
    if (frame.kind === "event") {
      this.incoming.take(frame);
    } else if (frame.kind === "reply" || frame.kind === "refusal") {
      // A reply is not overtaken by events that came before it, nor the other way round.
      this.incoming.flush();
      this.calls.answer(frame);
    }
  }

  /** What follows from an event besides the state. */
  private applied(told: Told["event"]): void {
    const { event, topic } = told;
    if (event.name === "server_joined") this.sync.joined();
    else if (event.name === "status_updated") this.sync.statusChanged();
    else if (event.name === "notification_settings_updated") this.sync.notificationsChanged(event.body.version);
    else if (event.name === "message_created") this.spoke(event.body, topic as ServerId);
    this.mentions.heard(told);
    this.cache.note((event.body as { channel_id?: ChannelId }).channel_id);
  }

  /** Who speaks where somebody looks is looked up. */
  private spoke({ channel_id, message }: Events["message_created"], server: ServerId): void {
    if (this.history.shows(channel_id)) this.people.meet([message.author_id], server);
  }

  private async enter<Name extends "login" | "register" | "guest">(name: Name, body: Credentials<Name>): Promise<void> {
    await this.entry.enter(name, body);
    this.session.close();
    this.forget();
    this.connect();
  }

  private forget(): void {
    this.calls.closed(new Refusal("unauthenticated"));
    this.device.leave();
    this.sync.forget();
    this.people.forget();
    this.reading.forget();
    this.incoming.forget();
    this.mutate((state) => Object.assign(state, emptyKnowledge(), { sends: {}, drafts: {} }));
  }
}
