// Holds the reader's place. The browser's own anchoring is off, as Safari has none and two would fight.
// After every change of what is shown, and before it is painted, what was seen is put where it was.
import type { ChannelId, MessageId } from "confab-client";
import { createSignal, onCleanup, untrack } from "solid-js";
import { tellRefusal } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { anchorAt, isAtEnd, scrollTo, type Anchor, type Place } from "./anchor.ts";
import type { Drawn } from "./drawn.ts";

/** History comes this many screens before it is reached. */
const AHEAD = 2;
/** From here on a way back to the end is offered. */
const FAR = 1;
/** A message that was jumped to is marked for so long. */
const MARKED = 2_000;
/** So many places are remembered to go back to. */
const TRAIL = 20;
/** What a reader does who goes elsewhere by himself. */
const MOVES = ["wheel", "touchmove", "pointerdown", "keydown"];

export class Scroller {
  private element: HTMLElement | undefined;
  private rows: HTMLElement | undefined;
  private anchor: Anchor = "end";
  /** What is to be shown as soon as it is there, in place of holding on. */
  private wanted: { key: string; share: number } | undefined;
  private readonly trail = createSignal<readonly Anchor[]>([]);
  private readonly end = createSignal(true);
  private readonly far = createSignal(false);
  private readonly divider = createSignal<"above" | "elsewhere">("elsewhere");

  constructor(
    private readonly channel: ChannelId,
    private readonly drawn: Pick<Drawn, "isWhole" | "drawAll">,
  ) {}

  /** Whether the reader is at the end of what is held. */
  readonly atEnd = this.end[0];
  /** Whether the end is some screens away. */
  readonly isFar = this.far[0];
  /** Whether the divider is held, and out of sight above. */
  readonly dividerAbove = () => this.divider[0]() === "above";
  /** Whether the reader jumped from somewhere. */
  readonly jumped = () => this.trail[0]().length > 0;

  attach(element: HTMLElement): void {
    this.element = element;
    element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    for (const move of MOVES) element.addEventListener(move, () => (this.wanted = undefined), { passive: true });
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

  /** The end of what is held, and what comes there from now on. */
  toEnd(): void {
    this.wanted = undefined;
    this.anchor = "end";
    this.trail[1]([]);
    this.settle();
  }

  /** The end of the channel. */
  async toPresent(): Promise<void> {
    if (untrack(() => state.windows[this.channel]?.head) === false) await client.latest(this.channel).catch(tellRefusal);
    this.toEnd();
  }

  /** Shows the divider a third down, as soon as it is there. */
  wantDivider(): void {
    this.wanted = { key: "new", share: 1 / 3 };
    this.settle();
  }

  /** Leads to the divider, and remembers where the reader was. */
  async toDivider(seq: number): Promise<void> {
    const from = this.anchor;
    if (await this.bringDivider(seq)) this.remember(from);
  }

  /** Shows the divider behind `seq`, which may not be held. */
  async bringDivider(seq: number): Promise<boolean> {
    try {
      this.drawn.drawAll();
      if (this.find("new") === undefined) await client.behind(this.channel, seq);
    } catch (error) {
      tellRefusal(error);
      return false;
    }
    this.wantDivider();
    return true;
  }

  /** Shows a message in the middle, marks it, and remembers where the reader was. */
  async jump(message: MessageId): Promise<void> {
    const from = this.anchor;
    if (await this.bring(message)) this.remember(from);
  }

  /** Goes back to where the reader was before he jumped. */
  async back(): Promise<void> {
    const anchor = this.trail[0]().at(-1);
    this.trail[1]((before) => before.slice(0, -1));
    if (anchor === undefined || anchor === "end") return this.toPresent();
    this.drawn.drawAll();
    if (anchor.some(({ key }) => this.find(key) !== undefined)) {
      this.wanted = undefined;
      this.anchor = anchor;
      return this.settle();
    }
    const message = anchor.map(({ key }) => Number(key)).find((id) => id > 0);
    if (message === undefined) await this.toPresent();
    else await this.bring(message as MessageId);
  }

  /** Shows a row if it is not seen whole. */
  reveal(row: HTMLElement): void {
    row.scrollIntoView({ block: "nearest" });
  }

  /** The rows, from the top down. */
  places(): Place[] {
    // The line of a day goes to wherever the first message of it is that is held: nothing is held on to there.
    const all = this.rows?.querySelectorAll<HTMLElement>("[data-key]:not(.day)") ?? [];
    return Array.from(all, (row) => ({ key: row.dataset["key"] ?? "", top: row.offsetTop, height: row.offsetHeight }));
  }

  private async bring(message: MessageId): Promise<boolean> {
    const row = () => this.find(this.keyOf(message));
    try {
      this.drawn.drawAll();
      if (untrack(row) === undefined) await client.around(this.channel, message);
    } catch (error) {
      tellRefusal(error);
      return false;
    }
    this.wanted = { key: this.keyOf(message), share: 1 / 2 };
    this.settle();
    const found = row();
    found?.classList.add("marked");
    found?.focus({ preventScroll: true });
    setTimeout(() => found?.classList.remove("marked"), MARKED);
    return found !== undefined;
  }

  private remember(from: Anchor): void {
    this.trail[1]((before) => [...before, from].slice(-TRAIL));
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
    if (end && head) this.trail[1]([]);
    this.far[1](scrollHeight - scrollTop - clientHeight > FAR * clientHeight);
    const divider = this.find("new");
    this.divider[1](divider !== undefined && divider.offsetTop + divider.offsetHeight < scrollTop ? "above" : "elsewhere");
    client.follow(this.channel, end && head, this.seqHeld());
  }

  /** The message that is held on to. */
  private seqHeld(): number | undefined {
    if (this.anchor === "end") return undefined;
    for (const { key } of this.anchor) {
      const seq = Number(this.find(key)?.dataset["seq"] ?? 0);
      if (seq > 0) return seq;
    }
    return undefined;
  }

  private load(): void {
    const { element } = this;
    const window = untrack(() => state.windows[this.channel]);
    // A bounce at the top goes below zero; nothing is put there meanwhile.
    if (element === undefined || window === undefined || element.scrollTop < 0) return;
    const { scrollTop, clientHeight, scrollHeight } = element;
    if (!window.start && untrack(this.drawn.isWhole) && scrollTop < AHEAD * clientHeight) client.older(this.channel).catch(() => undefined);
    if (!window.head && scrollHeight - scrollTop - clientHeight < AHEAD * clientHeight) client.newer(this.channel).catch(() => undefined);
  }
}
