// What is to be sent: kept until it is stored by the cluster, sent in the order of each channel by one tab,
// with the same nonce however often it is tried. So nothing is lost, and nothing takes effect twice.

import type { ChannelId, MessageId, MessageSent } from "../codec.js";
import { type Clock } from "../clock.js";
import { refusalOf, type Refusal } from "../refusal.js";
import { confirm } from "../state/sends.js";
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

/** A copy that a storage and other tabs can take, whatever wraps the state. */
function plainSend(send: Send): Send {
  return { ...send, refusal: send.refusal && { ...send.refusal } };
}

export class Outbox {
  private storage: Storage | null = null;
  private tabs: Tabs = ALONE;
  private leads = false;
  private readonly busy = new Set<ChannelId>();
  /** How often each one was tried in vain. */
  private readonly tries = new Map<string, number>();
  private callOff = () => {};
  private leave = () => {};
  private last = 0;

  constructor(private readonly options: OutboxOptions) {}

  /** Takes up what an account left on this device, and from now on keeps what is new there. */
  async open(storage: Storage, account: string, tabs: Tabs): Promise<void> {
    this.close();
    this.storage = storage;
    this.tabs = tabs;
    const { lock, mutate } = this.options;
    const [sends, drafts] = await Promise.all([storage.all("outbox"), storage.all("drafts")]);
    mutate((state) => {
      const here = Object.values(state.sends);
      const known = new Set(here.map(({ nonce }) => nonce));
      const old = sends.filter(({ nonce }) => !known.has(nonce)).sort((a, b) => a.created_at - b.created_at);
      state.sends = Object.fromEntries([...old, ...here].map((send) => [send.nonce, send]));
      for (const draft of drafts) state.drafts[draft.channel_id] ??= draft;
    });
    const stopListening = tabs.listen((news) => this.hear(news));
    const { release } = lock(`confab-outbox-${account}`, () => {
      this.leads = true;
      this.pump();
    });
    this.leave = () => (stopListening(), release());
  }

  close(): void {
    this.leave();
    this.leave = () => {};
    this.leads = false;
    this.callOff();
  }

  /** Puts a message in. It shows at once, and goes as soon as it can. */
  add(wish: Pick<Send, "nonce" | "server_id" | "channel_id" | "content" | "reply_to" | "silent_reply">): void {
    this.last = Math.max(this.options.clock.now(), this.last + 1);
    this.put({
      ...wish,
      created_at: this.last,
      state: "waiting",
      attempted: false,
      next: null,
      refusal: null,
      message_id: null,
    });
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
    const { clock, isOpen, state } = this.options;
    this.callOff();
    if (!this.leads || !isOpen()) return;
    const now = clock.now();
    let soonest = Infinity;
    const passed = new Set<ChannelId>(this.busy);
    for (const send of Object.values(state.sends)) {
      if (send.state === "failed" || send.state === "sent" || passed.has(send.channel_id)) continue;
      passed.add(send.channel_id);
      if ((send.next ?? 0) > now) soonest = Math.min(soonest, send.next ?? now);
      else void this.attempt(send);
    }
    if (soonest < Infinity) this.callOff = clock.after(soonest - now, () => this.pump());
  }

  private async attempt(send: Send): Promise<void> {
    const { clock } = this.options;
    const { nonce, channel_id } = send;
    if (send.attempted && clock.now() - send.created_at > REPEATABLE) {
      const refusal = { reason: "expired", detail: null, retryAfter: null } as const;
      return this.put({ ...send, attempted: false, state: "failed", refusal });
    }
    this.busy.add(channel_id);
    const trying = plainSend({ ...send, state: "sending", attempted: true, next: null });
    this.show(trying);
    this.tabs.tell({ kind: "send", send: trying });
    try {
      // Before it goes: whoever finds it after a crash has to know that it may have gone.
      await this.storage?.put("outbox", nonce, trying);
      const { message_id } = await this.options.attempt(trying);
      this.remove(nonce, message_id);
    } catch (error) {
      if (this.options.state.sends[nonce] !== undefined) this.refused(nonce, refusalOf(error));
    }
    this.busy.delete(channel_id);
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
    else this.put({ ...send, state: "failed", refusal });
  }

  /** Shows a send, keeps it, and tells other tabs. */
  private put(wanted: Send): void {
    const send = plainSend(wanted);
    this.show(send);
    this.tabs.tell({ kind: "send", send });
    this.keep((storage) => storage.put("outbox", send.nonce, send));
    this.pump();
  }

  private remove(nonce: string, message_id: MessageId | null): void {
    this.tries.delete(nonce);
    this.gone(nonce, message_id);
    this.tabs.tell({ kind: "gone", nonce, message_id });
    this.keep((storage) => storage.delete("outbox", nonce));
  }

  private show(send: Send): void {
    this.options.mutate((state) => {
      const known = state.sends[send.nonce];
      // Tabs are not heard in one order: what is stored already does not come back.
      if (known === undefined && Object.values(state.keys).includes(send.nonce)) return;
      // An event may have told already what it became.
      if (known === undefined) state.sends[send.nonce] = send;
      else Object.assign(known, send, { message_id: known.message_id ?? send.message_id });
    });
  }

  private gone(nonce: string, message_id: MessageId | null): void {
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
    this.pump();
  }

  /** A storage that fails costs what survives a reload, nothing else. */
  private keep(write: (storage: Storage) => Promise<void>): void {
    if (this.storage !== null) write(this.storage).catch(() => {});
  }
}
