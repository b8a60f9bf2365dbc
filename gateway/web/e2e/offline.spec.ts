// Without a network: what was seen is shown, what is written waits, and the page says so wherever one looks.
import type { Page } from "@playwright/test";
import { expect, test } from "./support/fixture.ts";
import type { Person } from "./support/person.ts";
import { composer } from "./support/page.ts";

const OFFLINE = "You are offline.";
const SIZES = { "360 px": { viewport: { width: 360, height: 740 } }, wide: { viewport: { width: 1440, height: 900 } } };

/** Whatever is left of the page without its gateway: its files, and what the device kept. */
async function goOffline(person: Person, sever: () => unknown): Promise<void> {
  const { context, page } = person;
  person.expects(/ERR_|WebSocket|Failed to load/);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await context.setOffline(true);
  // What is said over a connection that stands is not to be waited for.
  sever();
}

const bar = (page: Page) => page.getByRole("status").filter({ hasText: OFFLINE });

for (const [name, size] of Object.entries(SIZES)) {
  test(`who is offline is told so, also after a reload: ${name}`, async ({ newcomer, cluster }) => {
    const ana = await newcomer("ana", size);
    const club = await ana.makeServer("Book club");
    await ana.say(club, "page 12");
    const page = await ana.open(club);
    await expect(page.getByText("page 12")).toBeVisible();
    await goOffline(ana, () => cluster.balancer.severSockets());
    await expect(bar(page)).toBeVisible();

    await page.reload();
    await expect(bar(page)).toBeVisible();
    await expect(page.getByText("page 12")).toBeVisible();
    const shown = await bar(page).boundingBox();
    expect(shown?.x).toBeGreaterThanOrEqual(0);
    expect((shown?.x ?? 0) + (shown?.width ?? 0)).toBeLessThanOrEqual(size.viewport.width);

    await composer(page).fill("lunch?");
    await page.getByRole("button", { name: "Send" }).click();
    await expect(bar(page)).toContainText("1 message will be sent when you are back.");
    if (name === "360 px") {
      await page.getByRole("button", { name: "Channels" }).click();
      await expect(page.getByRole("navigation", { name: "Channels" })).toBeVisible();
      await expect(bar(page)).toBeVisible();
      await page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: /^general/ }).click();
    }

    cluster.balancer.mend();
    await ana.context.setOffline(false);
    await expect(bar(page)).toHaveCount(0);
    await expect(page.getByRole("article").filter({ hasText: "lunch?" })).toHaveCount(1);
    await expect(page.locator(".row.pending")).toHaveCount(0);
  });
}
