// What is fetched by itself, so that the state is right after each `ready`, `gap` and `sight`.

import type { AnyId, ChannelId, Named, Ready, Requests, ServerControls, ServerId, UserId } from "./codec.js";
import { type Fetches } from "./fetches.js";
import { type Mentions } from "./mentions.js";
import {
  goesOn,
  mergeChannels,
  mergeGap,
  mergeLevels,
  mergeMember,
  mergeNotifications,
  mergeOverview,
  mergePresences,
  mergeReady,
  mergeUnreads,
} from "./state/merge.js";
import { forgetChannel, serverOf, values, type State } from "./state/state.js";
import { type Reply } from "./wire/call.js";

/** So many servers are looked over at once. */
const SERVERS = 20;

export interface SyncOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  fetches: Fetches;
  mentions: Mentions;
  call<Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]): Promise<Reply<Name>>;
  /** Shows the end of a channel's history anew. */
  reload(channel: ChannelId): Promise<void>;
  /** The channels that are shown now. */
  shown(): ChannelId[];
  /** All is there that was asked for. */
  caughtUp(): void;
  failed(error: unknown): void;
}

export class Sync {
  private readonly watches = new Map<ServerId, UserId[]>();
  /** Where it is known how the account stands. */
  private readonly stood = new Set<ServerId>();
  private underWay = 0;
  private loading: Promise<void> | null = null;
  /** Servers that were asked for since there was a reason to. */
  private readonly asked = new Set<ServerId>();
  /** Whether somebody looked at how the account is told. */
  private wantsNotifications = false;

  constructor(private readonly options: SyncOptions) {}

  /** A session opened. */
  ready(ready: Ready, resumed: boolean): void {
    const { mutate, state, fetches } = this.options;
    const anew = !goesOn(state, ready, resumed);
    const listed = state.sessions !== null && state.me?.user_id === ready.user.user_id;
    const known = anew ? 0 : state.registers;
    if (anew) fetches.startAnew();
    mutate((state) => mergeReady(state, ready, resumed));
    this.begin(async () => {
      await this.all([
        this.load(),
        ...(anew ? [this.account(listed)] : []),
        this.registers(ready.registers < known ? 0 : known, ready.registers, anew),
        ...[...this.watches].map(([server, users]) => this.watch(server, users)),
      ]);
      await this.all([this.options.mentions.fetch(), this.reload()]);
    });
  }

  /** Frames that say that something is to be fetched. */
  control(control: Named<ServerControls>): void {
    const { mutate } = this.options;
    switch (control.name) {
      case "cursor":
        return mutate((state) => {
          for (const { topic, seq } of control.body.topics) {
            state.topics[topic] = Math.max(seq, state.topics[topic] ?? 0);
          }
        });
      case "gap":
        return this.gap(control.body.topic, control.body.seq);
      case "sight":
        return this.sight(control.body);
      case "registers":
        return this.begin(async () => {
          await this.registers(this.options.state.registers, control.body.version);
          await this.options.mentions.fetch();
        });
    }
  }

  /** The account became a member: what there is. */
  joined(): void {
    this.begin(async () => {
      await this.load();
      await this.options.mentions.fetch();
    });
  }

  /** The status has another text, which no event tells. */
  statusChanged(): void {
    this.begin(() => this.status());
  }

  /** How the account is told: fetched, and again when it was changed, which no event tells in full. */
  async notifications(): Promise<void> {
    const { call, fetches } = this.options;
    this.wantsNotifications = true;
    await fetches.run(() => call("notification_settings_get", 0, {}), mergeNotifications);
  }

  /** It was changed, here or elsewhere. */
  notificationsChanged(version: number): void {
    if (this.wantsNotifications && (this.options.state.notifications?.version ?? 0) < version) this.begin(() => this.notifications());
  }

  /** Is told how these members are, from now on. */
  async watch(server: ServerId, user_ids: UserId[]): Promise<void> {
    const { call, fetches } = this.options;
    this.watches.set(server, user_ids);
    if (user_ids.length === 0) this.watches.delete(server);
    await fetches.run(() => call("presence_watch", server, { user_ids }), mergePresences);
  }

  /** Forgets what was watched: another account, or none. */
  forget(): void {
    this.watches.clear();
    this.stood.clear();
    this.wantsNotifications = false;
  }

  private gap(topic: AnyId, seq: number): void {
    const { fetches, mutate, state } = this.options;
    const server = serverOf(state, topic)?.server.server_id;
    fetches.startAnew();
    mutate((state) => mergeGap(state, topic, seq));
    this.begin(async () => {
      if (server === undefined) {
        await this.all([this.account(state.sessions !== null), this.registers(0), this.missingServers()]);
        return this.options.mentions.fetch();
      }
      const watched = this.watches.get(server);
      await this.all([this.load(), ...(watched === undefined ? [] : [this.watch(server, watched)])]);
      await this.all([this.options.mentions.fetch(), this.reload()]);
    });
  }

  private sight({ topic, seq, shown, hidden }: ServerControls["sight"]): void {
    const { call, fetches, mutate, state } = this.options;
    // What was asked for before may hold what is hidden now, or lack what is shown.
    fetches.startAnew();
    mutate((state) => {
      state.topics[topic] = Math.max(seq, state.topics[topic] ?? 0);
      for (const channel of hidden) forgetChannel(state, channel);
      // What was said in them while they were not seen nobody told, whatever tells of the channels themselves first.
      if (shown.length > 0) state.mentionsDue = true;
    });
    const server = serverOf(state, topic)?.server.server_id;
    if (shown.length === 0 || server === undefined) return;
    this.begin(async () => {
      await fetches.run(
        () => call("channels_get", server, {}),
        (state, channels) => mergeChannels(state, server, channels),
      );
      // Who does not see a channel is not told that he may only look on there.
      await this.all([this.standAnew([server]), this.reload(), this.registers(0), this.options.mentions.fetch()]);
    });
  }

  /** What is shown, and held only as it was. */
  private async reload(): Promise<void> {
    const { reload, shown, state } = this.options;
    const old = shown().filter((channel) => state.windows[channel]?.cached !== false);
    await this.all(old.map(reload));
  }

  /** One that is refused, as where history may no longer be read, does not keep the others. */
  private async all(works: Promise<void>[]): Promise<void> {
    for (const outcome of await Promise.allSettled(works)) if (outcome.status === "rejected") this.options.failed(outcome.reason);
  }

  /** What is not known of servers: many at once, and one request after the other, whatever made it so. */
  private load(): Promise<void> {
    this.asked.clear();
    this.loading ??= this.loadAll().finally(() => (this.loading = null));
    return this.loading;
  }

  private async loadAll(): Promise<void> {
    const { state } = this.options;
    // What comes in one go is asked for in one go.
    await Promise.resolve();
    for (;;) {
      const missing = values(state.servers).filter(({ loaded, server }) => !loaded && !this.asked.has(server.server_id));
      const page = missing.slice(0, SERVERS).map(({ server }) => server.server_id);
      if (page.length === 0) return;
      for (const server of page) this.asked.add(server);
      await this.all([this.overviews(page)]);
    }
  }

  /** The structure of some servers, and how the account stands in them. */
  private async overviews(server_ids: ServerId[]): Promise<void> {
    const { call, fetches } = this.options;
    for (let from: ServerId | null = null; ; ) {
      const next: ServerId | null = (
        await fetches.run(
          () => call("servers_overview", 0, { server_ids, from }),
          (state, { servers }) => servers.forEach((overview) => mergeOverview(state, overview)),
        )
      ).next;
      if (next === null) break;
      from = next;
    }
    await this.standAnew(server_ids);
  }

  private async standAnew(servers: readonly ServerId[]): Promise<void> {
    const { shown, state } = this.options;
    for (const server of servers) this.stood.delete(server);
    const seen = shown().map((channel) => state.channels[channel]?.server_id);
    await Promise.all(servers.filter((server) => seen.includes(server)).map((server) => this.stand(server)));
  }

  /** How the account stands in a server that is shown: the overview does not say where it may only look on. */
  async stand(server: ServerId): Promise<void> {
    const { call, fetches, state } = this.options;
    const user_id = state.me?.user_id;
    if (user_id === undefined || this.stood.has(server)) return;
    this.stood.add(server);
    try {
      await fetches.run(
        () => call("member_get", server, { user_id }),
        (state, member) => mergeMember(state, server, member),
      );
    } catch (error) {
      this.stood.delete(server);
      throw error;
    }
  }

  /** Servers that were joined where nobody told. */
  private async missingServers(): Promise<void> {
    const { call, fetches } = this.options;
    await fetches.run(
      () => call("servers_list", 0, {}),
      (state, { servers }) => {
        const { me, session, epoch, registers, push } = state;
        if (me === null || session === null || epoch === null) return;
        mergeReady(state, { user: me, session_id: session, epoch, servers, topics: [], registers, sent_at: 0, push: push === true }, true);
      },
    );
    await this.load();
  }

  /** What the account says of itself, and its sessions where they were listed. */
  private async account(listed: boolean): Promise<void> {
    const { call, fetches, state } = this.options;
    const user_id = state.me?.user_id;
    if (user_id === undefined) return;
    const sessions = () =>
      fetches.run(
        () => call("sessions_list", 0, {}),
        (state, { sessions }) => void (state.sessions = sessions),
      );
    await Promise.all([
      fetches.run(
        () => call("user_get", 0, { user_id }),
        (state, profile) => void (state.profile = profile),
      ),
      this.status(),
      ...(listed ? [sessions()] : []),
      ...(this.wantsNotifications ? [this.notifications()] : []),
    ]);
  }

  private async status(): Promise<void> {
    const { call, fetches } = this.options;
    await fetches.run(
      () => call("status_get", 0, {}),
      (state, status) => void (state.status = status),
    );
  }

  /** What was changed after a register version: how far is read, and what to be told of. */
  private async registers(known: number, version = Infinity, anew = false): Promise<void> {
    if (known >= version && !anew) return;
    const reached = await Promise.all([this.cursors(known), this.levels(known)]);
    this.options.mutate((state) => void (state.registers = Math.max(state.registers, Math.min(...reached))));
  }

  /** Cursors that were moved after a register version; up to which one they are all. */
  private async cursors(newer_than: number): Promise<number> {
    const { call, fetches, mentions } = this.options;
    let first: number | null = null;
    for (let after: ChannelId | null = null; ; ) {
      const page: Reply<"unreads_get"> = await fetches.run(() => call("unreads_get", 0, { newer_than, after }), mergeUnreads);
      first ??= page.version;
      for (const { cursor } of page.unreads) mentions.moved(cursor.channel_id);
      if (page.next === null) return first;
      after = page.next;
    }
  }

  /** Levels that were set after a register version, in the same way. */
  private async levels(newer_than: number): Promise<number> {
    const { call, fetches } = this.options;
    let first: number | null = null;
    for (let after: AnyId | null = null; ; ) {
      const page: Reply<"notification_levels_get"> = await fetches.run(
        () => call("notification_levels_get", 0, { newer_than, after }),
        mergeLevels,
      );
      first ??= page.version;
      if (page.next === null) return first;
      after = page.next;
    }
  }

  /** Counts what is under way: once nothing is, the client has caught up. */
  private begin(work: () => Promise<void>): void {
    this.underWay += 1;
    work()
      .catch((error: unknown) => this.options.failed(error))
      .finally(() => {
        this.underWay -= 1;
        if (this.underWay === 0) this.options.caughtUp();
      });
  }
}
