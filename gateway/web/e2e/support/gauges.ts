// What is measured inside a page: put there before the page's own scripts, so that it sees their beginning.
import type { Page } from "@playwright/test";

/** What the page tells of itself. */
export interface Gauges {
  /** When the first message stood in the document, from the beginning of the navigation. */
  firstRow: number;
  /** How long each task was that kept the page for more than 50 ms. */
  longTasks: number[];
  /** From keys to the picture that shows what they did. */
  keys: number[];
  /** Clicks a channel of the list, and waits for the picture that shows its messages. */
  open(channel: string): Promise<number>;
  /** Scrolls up by so many pixels a frame for so many frames, and says what happened. */
  scrollUp(step: number, frames: number): Promise<Scrolled>;
}

export interface Scrolled {
  /** Milliseconds of each frame. */
  frames: number[];
  /** The most rows that were in the document. */
  rows: number;
  /** By how many pixels a row that was looked at was elsewhere than the scrolling put it, at most. */
  jump: number;
  /** The first message that was reached. */
  first: number;
}

declare global {
  interface Window {
    gauges: Gauges;
  }
}

export async function installGauges(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const gauges: Gauges = { firstRow: 0, longTasks: [], keys: [], open, scrollUp };
    window.gauges = gauges;
    const observe = (type: string, into: number[], options: object = {}): void => {
      const observer = new PerformanceObserver((list) => into.push(...list.getEntries().map(({ duration }) => duration)));
      observer.observe({ type, ...options });
    };
    observe("longtask", gauges.longTasks);
    observe("event", gauges.keys, { durationThreshold: 16 });
    const watcher = new MutationObserver(() => {
      if (document.querySelector("[data-seq]") === null) return;
      gauges.firstRow = performance.now();
      watcher.disconnect();
    });
    watcher.observe(document, { childList: true, subtree: true });

    /** Behind the next picture. */
    function painted(): Promise<void> {
      return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    }

    async function open(channel: string): Promise<number> {
      const begun = performance.now();
      const buttons = [...document.querySelectorAll<HTMLElement>("nav button")];
      buttons.find(({ textContent }) => textContent.trim() === channel)?.click();
      while (document.querySelector(`main[aria-label="#${channel}"] [data-seq]`) === null) await painted();
      await painted();
      return performance.now() - begun;
    }

    async function scrollUp(step: number, frames: number): Promise<Scrolled> {
      const log = document.querySelector<HTMLElement>("[role=log]");
      if (log === null) throw new Error("there is no timeline");
      const seen: Scrolled = { frames: [], rows: 0, jump: 0, first: Infinity };
      for (let frame = 0; frame < frames; frame += 1) {
        const begun = performance.now();
        const rows = [...log.querySelectorAll<HTMLElement>("[data-seq]")];
        const view = log.getBoundingClientRect();
        const row = rows.find((one) => one.getBoundingClientRect().bottom > view.top + view.height / 2);
        const [top, scroll] = [row?.getBoundingClientRect().top ?? 0, log.scrollTop];
        log.scrollTop = scroll - step;
        // A reader's scrolling is told of in the frame in which it happens, a script's in the next one.
        log.dispatchEvent(new Event("scroll"));
        const expected = top + scroll - log.scrollTop;
        await painted();
        if (row?.isConnected) seen.jump = Math.max(seen.jump, Math.abs(row.getBoundingClientRect().top - expected));
        seen.rows = Math.max(seen.rows, rows.length);
        seen.first = Math.min(seen.first, Number(rows[0]?.dataset["seq"]));
        seen.frames.push(performance.now() - begun);
      }
      return seen;
    }
  });
}
