// What is to be sent: kept until it is stored by the cluster, sent in the order of each channel by one tab,
// with the same nonce however often it is tried. So nothing is lost, and nothing takes effect twice.

import type { ChannelId, MessageId, MessageSent } from "../codec.js";
import { type Clock } from "../clock.js";
import { refusalOf, type Refusal } from "../refusal.js";
import { confirm, recognise, takeBack } from "../state/sends.js";
import { type State } from "../state/state.js";
import { pause } from "../wire/backoff.js";
import type { Draft, Send } from "./send.js";
import { type Storage } from "./storage.js";
import { ALONE, type Lock, type News, type Tabs } from "./tabs.js";

export interface OutboxOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  clock: Clock;
  random: () => number;
  lock: Lock;
  isOpen(): boolean;
  attempt(send: Send): Promise<MessageSent>;
}

/** Whoever is to wait longer is told instead. */
const LONGEST_WAIT = 120_000;
/** Nonces are kept for seven days: a repeat that comes later would be another message. */
const REPEATABLE = 6 * 24 * 3_600_000;
/** So many nonces of what is finished are remembered. */
const FINISHED = 1_000;

/** A copy that a storage and other tabs can take, whatever wraps the state. */
function plainSend(send: Send): Send {
  return { ...send, refusal: send.refusal && { ...send.refusal } };
}

export class Outbox {
  private storage: Storage | null = null;
  private tabs: Tabs = ALONE;
  private leads = false;
  private busy = new Set<ChannelId>();
  /** What ends the wait of each one that is not to be tried yet. */
  private readonly waits = new Map<string, () => void>();
  /** How often each one was tried in vain. */
  private readonly tries = new Map<string, number>();
  /** What was stored or taken back: tabs are not heard in one order, and it does not come again. */
  private readonly finished = new Set<string>();
  private leave = () => {};
  /** Who has this lock leads; none while nothing is taken up. */
  private lock: string | null = null;
  /** Gives the lead up, or the wait for it. */
  private resign: (() => void) | null = null;
  private last = 0;

  constructor(private readonly options: OutboxOptions) {}

  /** Takes up what an account left on this device, and from now on keeps what is new there. */
  async open(storage: Storage, account: string, tabs: Tabs): Promise<void> {
    this.close();
    this.storage = storage;
    this.tabs = tabs;
    const stopListening = tabs.listen((news) => this.hear(news));
    this.leave = stopListening;
    // Before the storage was there something may have been written.
    for (const send of Object.values(this.options.state.sends)) {
      this.delay(send);
      this.keep((storage) => storage.put("outbox", send.nonce, plainSend(send)));
    }
    // What cannot be read is not sent; what is written from now on is.
    const [sends, drafts] = await Promise.all([storage.all("outbox"), storage.all("drafts")]).catch(() => [[], []]);
    if (this.leave !== stopListening) return;
    this.takeUp(sends, drafts);
    this.lock = `confab-outbox-${account}`;
    this.follow();
  }

  /** Leaves it as it is: what is still under way tells nobody any more. */
  close(): void {
    this.leave();
    this.leave = () => {};
    this.lock = null;
    this.follow();
    for (const callOff of this.waits.values()) callOff();
    this.waits.clear();
    this.busy = new Set();
    this.tabs = ALONE;
    this.storage = null;
  }

  /** A connection opened, or broke: who cannot send leaves the lead to a tab that can. */
  follow(): void {
    if (this.lock === null || !this.options.isOpen()) this.resign?.();
    else if (this.resign === null) this.stand(this.lock);
    else this.pump();
  }

  /** Puts a message in. It shows at once, and goes as soon as it can; where its text is not final, not before `hold` ms. */
  add(wish: Pick<Send, "nonce" | "server_id" | "channel_id" | "content" | "reply_to" | "silent_reply">, hold = 0): void {
    const now = this.options.clock.now();
    this.put({
      ...wish,
      created_at: now,
      order: this.last + 1,
      state: "waiting",
      attempted: false,
      after: 0,
      next: hold > 0 ? now + hold : null,
      refusal: null,
      message_id: null,
    });
  }

  /** Gives what was held its final text, and lets it go. What went already stays as it is. */
  amend(nonce: string, content: string): void {
    const send = this.options.state.sends[nonce];
    if (send?.state === "waiting" && !send.attempted) this.put({ ...send, content, next: null });
  }

  /** Tries again what failed. */
  retry(nonce: string): void {
    const send = this.options.state.sends[nonce];
    if (send?.state === "failed") this.put({ ...send, state: "waiting", next: null, refusal: null });
  }

  /** Takes back what failed, or was not sent yet. What is under way cannot be taken back. */
  discard(nonce: string): void {
    const send = this.options.state.sends[nonce];
    if (send?.state === "failed" || (send?.state === "waiting" && !send.attempted)) this.remove(nonce, null);
  }

  /** Keeps what somebody writes; nothing where nothing is written. */
  draft(channel_id: ChannelId, text: string, reply_to: MessageId | null): void {
    // A composer that goes with its channel, or its account, has nothing to keep.
    if (this.options.state.channels[channel_id] === undefined) return;
    const empty = text === "" && reply_to === null;
    const updated_at = this.options.clock.now();
    const draft = empty ? null : { channel_id, text, reply_to, updated_at };
    this.showDraft(channel_id, draft);
    this.tabs.tell({ kind: "draft", channel_id, draft });
    if (draft === null) this.keep((storage) => storage.delete("drafts", channel_id));
    else this.keep((storage) => storage.put("drafts", channel_id, draft));
  }

  /** Sends what can be sent now: the first one of each channel that is not waiting for another. */
  pump(): void {
    const { isOpen, state } = this.options;
    if (!this.leads || !isOpen()) return;
    const passed = new Set<ChannelId>(this.busy);
    for (const send of Object.values(state.sends)) {
      if (send.state === "failed" || send.state === "sent" || passed.has(send.channel_id)) continue;
      passed.add(send.channel_id);
      if (!this.waits.has(send.nonce)) void this.attempt(send);
    }
  }

  private stand(lock: string): void {
    let resigned = false;
    let release = () => {};
    this.resign = () => {
      resigned = true;
      this.leads = false;
      this.resign = null;
      release();
    };
    ({ release } = this.options.lock(lock, () => {
      this.leads = !resigned;
      this.pump();
    }));
  }

  /** What is kept, before what was written here meanwhile. */
  private takeUp(sends: readonly Send[], drafts: readonly Draft[]): void {
    this.options.mutate((state) => {
      const here = Object.values(state.sends);
      const known = new Set([...here.map(({ nonce }) => nonce), ...this.finished]);
      const old = sends
        .filter(({ nonce }) => !known.has(nonce))
        // What it waited for is over, or is told again: the clock of before may have been another one.
        .map((send) => ({ ...send, next: null }))
        .sort((a, b) => a.order - b.order || a.created_at - b.created_at);
      state.sends = Object.fromEntries([...old, ...here].map((send) => [send.nonce, send]));
      this.last = Math.max(this.last, ...old.map(({ order }) => order));
      for (const { nonce } of old) recognise(state, nonce);
      for (const draft of drafts) state.drafts[draft.channel_id] ??= draft;
    });
  }

  private async attempt(send: Send): Promise<void> {
    const { clock, state } = this.options;
    const { nonce, channel_id } = send;
    const { busy, storage } = this;
    if (send.attempted && clock.now() - send.created_at > REPEATABLE) {
      const refusal = { reason: "expired", detail: null, retryAfter: null } as const;
      return this.put({ ...send, attempted: false, state: "failed", refusal });
    }
    busy.add(channel_id);
    const after = send.attempted ? send.after : (state.channels[channel_id]?.last_seq ?? 0);
    const trying = plainSend({ ...send, state: "sending", attempted: true, after, next: null });
    this.show(trying);
    this.tabs.tell({ kind: "send", send: trying });
    try {
      // Before it goes: whoever finds it after a crash has to know that it may have gone.
      await storage?.put("outbox", nonce, trying).catch(() => {});
      // Left meanwhile: the connection may be another account's.
      if (this.storage !== storage) return;
      const { message_id } = await this.options.attempt(trying);
      this.remove(nonce, message_id, storage);
    } catch (error) {
      this.refused(nonce, refusalOf(error));
    }
    busy.delete(channel_id);
    this.pump();
  }

  private refused(nonce: string, { reason, detail, retryAfter, undecided }: Refusal): void {
    const { clock, random, state } = this.options;
    const send = state.sends[nonce];
    if (send === undefined) return;
    const tries = this.tries.get(nonce) ?? 0;
    this.tries.set(nonce, tries + 1);
    const wait = (retryAfter ?? 0) + pause(tries, random);
    const refusal = { reason, detail, retryAfter };
    const next = clock.now() + wait;
    if (undecided) this.put({ ...send, state: "sending", next, refusal });
    else if (reason === "unauthenticated") this.put({ ...send, state: "waiting", next });
    else if (reason === "rate_limited" && wait < LONGEST_WAIT) this.put({ ...send, state: "waiting", next, refusal });
    else this.put({ ...send, state: "failed", refusal, message_id: null });
  }

  /** Shows a send, keeps it, and tells other tabs. */
  private put(wanted: Send): void {
    const send = plainSend(wanted);
    this.show(send);
    this.tabs.tell({ kind: "send", send });
    this.keep((storage) => storage.put("outbox", send.nonce, send));
    this.pump();
  }

  private remove(nonce: string, message_id: MessageId | null, storage = this.storage): void {
    this.gone(nonce, message_id);
    this.tabs.tell({ kind: "gone", nonce, message_id });
    storage?.delete("outbox", nonce).catch(() => {});
  }

  private show(send: Send): void {
    const { nonce } = send;
    if (this.finished.has(nonce)) return;
    this.last = Math.max(this.last, send.order);
    this.delay(send);
    this.options.mutate((state) => {
      const known = state.sends[nonce];
      if (known !== undefined && send.state === "failed") takeBack(state, known);
      // An event may have told already what it became.
      if (known === undefined) state.sends[nonce] = send;
      else Object.assign(known, send, { message_id: known.message_id ?? send.message_id });
    });
  }

  /** It is not tried before its time. A timer says when that is: the clock may be put back meanwhile. */
  private delay({ nonce, next }: Send): void {
    const { clock } = this.options;
    this.waits.get(nonce)?.();
    this.waits.delete(nonce);
    const wait = Math.min((next ?? 0) - clock.now(), LONGEST_WAIT);
    if (wait <= 0) return;
    const over = () => {
      this.waits.delete(nonce);
      this.pump();
    };
    this.waits.set(nonce, clock.after(wait, over));
  }

  private gone(nonce: string, message_id: MessageId | null): void {
    this.tries.delete(nonce);
    this.waits.get(nonce)?.();
    this.waits.delete(nonce);
    this.finished.add(nonce);
    const [oldest] = this.finished;
    if (this.finished.size > FINISHED && oldest !== undefined) this.finished.delete(oldest);
    this.options.mutate((state) => {
      if (message_id === null) delete state.sends[nonce];
      else confirm(state, nonce, message_id);
    });
  }

  private showDraft(channel: ChannelId, draft: Draft | null): void {
    this.options.mutate((state) => {
      if (draft === null) delete state.drafts[channel];
      else state.drafts[channel] = draft;
    });
  }

  private hear(news: News): void {
    if (news.kind === "draft") return this.showDraft(news.channel_id, news.draft);
    if (news.kind === "gone") return this.gone(news.nonce, news.message_id);
    this.show(news.send);
    this.options.mutate((state) => recognise(state, news.send.nonce));
    this.pump();
  }

  /** A storage that fails costs what survives a reload, nothing else. */
  private keep(write: (storage: Storage) => Promise<void>): void {
    if (this.storage !== null) write(this.storage).catch(() => {});
  }
}
