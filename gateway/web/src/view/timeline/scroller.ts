// Holds the reader's place. The browser's own anchoring is off, as Safari has none and two would fight.
// After every change of what is shown, and before it is painted, what was seen is put where it was.
import type { ChannelId, MessageId } from "confab-client";
import { createSignal, onCleanup, untrack } from "solid-js";
import { tellRefusal } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { anchorAt, isAtEnd, scrollTo, type Anchor, type Place } from "./anchor.ts";

/** History comes this many screens before it is reached. */
const AHEAD = 2;
/** A message that was jumped to is marked for so long. */
const MARKED = 2_000;

export class Scroller {
  private element: HTMLElement | undefined;
  private rows: HTMLElement | undefined;
  private anchor: Anchor = "end";
  /** What is to be shown as soon as it is there, in place of holding on. */
  private wanted: { key: string; share: number } | undefined;
  private readonly before = createSignal<() => void>();
  private readonly end = createSignal(true);

  constructor(private readonly channel: ChannelId) {}

  /** Goes back to where the reader was before he jumped. */
  readonly back = this.before[0];
  /** Whether the reader is at the end of what is held. */
  readonly atEnd = this.end[0];

  attach(element: HTMLElement): void {
    this.element = element;
    element.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  /** Whatever changes the height of the rows, or of the view, settles them again. */
  watch(rows: HTMLElement): void {
    this.rows = rows;
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(rows);
    queueMicrotask(() => this.element && observer.observe(this.element));
    onCleanup(() => observer.disconnect());
  }

  /** Puts the anchor where it was. */
  settle(): void {
    const { element } = this;
    if (element === undefined || !element.isConnected) return;
    if (this.wanted !== undefined && this.showWanted(this.wanted)) this.wanted = undefined;
    else {
      const to = scrollTo(this.anchor, element.scrollHeight, element.clientHeight, (key) => this.find(key)?.offsetTop);
      if (to !== undefined && Math.abs(to - element.scrollTop) >= 1) element.scrollTop = to;
    }
    this.hold();
    this.load();
  }

  /** The end, and what comes there from now on. */
  toEnd(): void {
    this.wanted = undefined;
    this.anchor = "end";
    this.before[1](undefined);
    this.settle();
  }

  /** Opens with the divider a third down, where there is one. */
  openAtUnread(unread: boolean): void {
    if (unread) this.wanted = { key: "new", share: 1 / 3 };
  }

  /** Shows a message in the middle, marks it, and remembers where the reader was. */
  async jump(message: MessageId): Promise<void> {
    const row = () => this.find(this.keyOf(message));
    const from = this.anchor;
    try {
      if (untrack(row) === undefined) await client.around(this.channel, message);
    } catch (error) {
      return tellRefusal(error);
    }
    this.wanted = { key: this.keyOf(message), share: 1 / 2 };
    this.settle();
    if (from === "end") this.before[1](undefined);
    else this.before[1](() => () => this.goBack(from));
    const found = row();
    found?.classList.add("marked");
    found?.focus({ preventScroll: true });
    setTimeout(() => found?.classList.remove("marked"), MARKED);
  }

  /** Shows a row if it is not seen whole. */
  reveal(row: HTMLElement): void {
    row.scrollIntoView({ block: "nearest" });
  }

  /** The rows, from the top down. */
  places(): Place[] {
    const all = this.rows?.querySelectorAll<HTMLElement>("[data-key]") ?? [];
    return Array.from(all, (row) => ({ key: row.dataset["key"] ?? "", top: row.offsetTop, height: row.offsetHeight }));
  }

  private goBack(anchor: Anchor): void {
    this.before[1](undefined);
    if (anchor === "end") return this.toEnd();
    const first = anchor.map(({ key }) => this.find(key)).find(Boolean);
    if (first !== undefined) {
      this.anchor = anchor;
      return this.settle();
    }
    const message = anchor.map(({ key }) => Number(key)).find((id) => id > 0);
    if (message !== undefined) void this.jump(message as MessageId);
  }

  private keyOf(message: MessageId): string {
    return untrack(() => state.keys[message]) ?? String(message);
  }

  private find(key: string): HTMLElement | undefined {
    return this.rows?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) ?? undefined;
  }

  private showWanted({ key, share }: { key: string; share: number }): boolean {
    const row = this.find(key);
    if (row === undefined || this.element === undefined) return false;
    this.element.scrollTop = row.offsetTop - (this.element.clientHeight - (share === 1 / 2 ? row.offsetHeight : 0)) * share;
    return true;
  }

  private scrolled(): void {
    this.hold();
    this.load();
  }

  /** Remembers what is seen now. */
  private hold(): void {
    const { element } = this;
    if (element === undefined) return;
    const { scrollTop, clientHeight, scrollHeight } = element;
    const end = isAtEnd(scrollTop, clientHeight, scrollHeight);
    const head = untrack(() => state.windows[this.channel]?.head ?? true);
    this.anchor = end && head ? "end" : anchorAt(this.places(), scrollTop, clientHeight);
    this.end[1](end);
    client.follow(this.channel, end && head);
  }

  private load(): void {
    const { element } = this;
    const window = untrack(() => state.windows[this.channel]);
    // A bounce at the top goes below zero; nothing is put there meanwhile.
    if (element === undefined || window === undefined || element.scrollTop < 0) return;
    const { scrollTop, clientHeight, scrollHeight } = element;
    if (!window.start && scrollTop < AHEAD * clientHeight) client.older(this.channel).catch(() => undefined);
    if (!window.head && scrollHeight - scrollTop - clientHeight < AHEAD * clientHeight) client.newer(this.channel).catch(() => undefined);
  }
}
