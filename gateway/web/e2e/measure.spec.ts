// How fast the page is, and how large. It fails only on what does not depend on the machine: how many rows are in the
// document, whether what is read moves, whether memory grows. The rest is printed: `npm run e2e -- measure`.
import type { CDPSession, Page } from "@playwright/test";
import { makeArchive } from "./support/archive.ts";
import { expect, test } from "./support/fixture.ts";
import { installGauges } from "./support/gauges.ts";

/** What a client holds of a channel. */
const WINDOW = 300;
const LONG = 20_000;
const CHANNELS = 12;
/** How often all of them but the long one are gone through, until memory is read first and last. */
const ROUNDS = { early: 3, late: 15 };

const quantile = (times: readonly number[], share: number): number => [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? 0;
const say = (what: string, figures: Record<string, number | string>): void => {
  const shown = Object.entries(figures).map(([name, figure]) => `${name} ${typeof figure === "number" ? Math.round(figure * 10) / 10 : figure}`);
  console.info(`measured: ${what}: ${shown.join(", ")}`);
};

/** What the page, as it was loaded last, needed to show something. */
async function firstPictures(page: Page): Promise<Record<string, number>> {
  await expect.poll(() => page.evaluate(() => window.gauges.firstRow)).toBeGreaterThan(0);
  return page.evaluate(() => ({
    "first paint (ms)": performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
    "first messages (ms)": window.gauges.firstRow,
    "longest task (ms)": Math.max(0, ...window.gauges.longTasks),
  }));
}

/** Bytes of JavaScript objects, and nodes of documents, that are still reachable. */
async function memory(session: CDPSession): Promise<{ heap: number; nodes: number }> {
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return { heap: of("JSHeapUsedSize"), nodes: of("Nodes") };
}

test.describe("measures", () => {
  test.use({ empty: true });
  test.setTimeout(300_000);

  test("the page starts, switches, scrolls and is written in; nothing moves, and memory does not grow", async ({ alice, cluster }) => {
    const sizes = [LONG, WINDOW, ...Array.from({ length: CHANNELS - 2 }, () => 60)];
    const archive = await makeArchive(cluster, alice, sizes);
    const { context, page } = alice;
    await installGauges(page);
    const address = `/c/${archive.id}/${archive.channel}`;

    await test.step("first pictures", async () => {
      await page.goto(address);
      say("cold", await firstPictures(page));
      const bytes = await page.evaluate(() =>
        performance.getEntriesByType("resource").map((entry) => [new URL(entry.name).pathname, (entry as PerformanceResourceTiming).encodedBodySize] as const),
      );
      const scripts = bytes.filter(([path]) => path.endsWith(".js"));
      say("cold, compressed (bytes)", { scripts: scripts.reduce((sum, [, size]) => sum + size, 0), ...Object.fromEntries(scripts) });
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      await page.reload();
      say("warm", await firstPictures(page));
    });

    await test.step("a long history", async () => {
      const { frames, rows, jump, first } = await page.evaluate(() => window.gauges.scrollUp(900, 200));
      say(`scrolling up ${LONG - first} of ${LONG} messages`, { "frame p50 (ms)": quantile(frames, 0.5), "frame p95 (ms)": quantile(frames, 0.95), "longest (ms)": quantile(frames, 1), rows, "moved by (px)": jump });
      expect(first).toBeLessThan(LONG - 1_000);
      expect(rows, "rows in the document").toBeLessThanOrEqual(WINDOW);
      expect(jump, "a row moved under the reader's eye").toBeLessThanOrEqual(1);
    });

    await test.step("switching", async () => {
      const names = archive.names.slice(1);
      for (const name of names) await page.evaluate((channel) => window.gauges.open(channel), name);
      // The one that is held as a whole.
      const [whole = ""] = names;
      await page.evaluate((channel) => window.gauges.open(channel), whole);
      await page.evaluate(() => window.gauges.scrollUp(2_000, 60));
      await page.evaluate((channel) => window.gauges.open(channel), names[1] ?? "");
      await page.evaluate((channel) => window.gauges.open(channel), whole);
      await expect(page.locator("[data-seq]"), "all that is held is drawn").toHaveCount(WINDOW);
      const below = await page.getByRole("log").evaluate((log) => log.scrollHeight - log.clientHeight - log.scrollTop);
      expect(below, "what is drawn above moved the end").toBeLessThanOrEqual(1);
      const session = await context.newCDPSession(page);
      await session.send("Performance.enable");
      const times: number[] = [];
      const kept: Awaited<ReturnType<typeof memory>>[] = [];
      await page.evaluate(() => void window.gauges.longTasks.splice(0));
      for (let round = 1; round <= ROUNDS.late; round += 1) {
        for (const name of names) times.push(await page.evaluate((channel) => window.gauges.open(channel), name));
        // The same channel is shown at both.
        if (round === ROUNDS.early || round === ROUNDS.late) kept.push(await memory(session));
      }
      const large = times.filter((_, turn) => turn % names.length === 0);
      const longest = await page.evaluate(() => Math.max(0, ...window.gauges.longTasks));
      say("switching from the cache", { "p50 (ms)": quantile(times, 0.5), "p95 (ms)": quantile(times, 0.95), [`to ${WINDOW} rows, p50 (ms)`]: quantile(large, 0.5), "longest task (ms)": longest });
      const [early, late] = kept;
      if (early === undefined || late === undefined) throw new Error("nothing was measured");
      say(`after ${ROUNDS.early * names.length} and ${ROUNDS.late * names.length} switches`, { "heap (MB)": `${(early.heap / 1e6).toFixed(1)} and ${(late.heap / 1e6).toFixed(1)}`, nodes: `${early.nodes} and ${late.nodes}` });
      // Five times as much would come of what each switch left behind.
      expect(late.heap).toBeLessThan(early.heap * 1.15);
      expect(late.nodes).toBeLessThan(early.nodes * 1.15);
    });

    await test.step("typing", async () => {
      await page.evaluate((channel) => window.gauges.open(channel), archive.names[1] ?? "");
      await page.evaluate(() => void window.gauges.keys.splice(0));
      await page.locator("#composer").pressSequentially("What is written here is on the screen at once, whatever stands above it.");
      const keys = await page.evaluate(() => window.gauges.keys);
      say(`typing below ${WINDOW} rows`, { "slowest event (ms)": Math.max(16, ...keys), "events above 16 ms": keys.length });
    });

    await test.step("without a network", async () => {
      await page.locator("#composer").fill("");
      alice.expects(/ERR_|WebSocket|Failed to load/);
      await context.setOffline(true);
      await page.reload();
      say("offline", await firstPictures(page));
      await context.setOffline(false);
    });
  });
});
