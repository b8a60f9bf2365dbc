// Who administers the deployment sees how it is.
import type { Page } from "@playwright/test";
import { axeInThemes, expect, test } from "./support/fixture.ts";
import { composer, openSwitcher } from "./support/page.ts";

/** The page asks every ten seconds, and a gateway that was killed has a lease of twelve. */
const LATER = { timeout: 90_000 };

/** What the table says of the nodes, a name for each. */
const nodes = (page: Page, label: string): Promise<string[]> => page.getByRole("region", { name: label }).getByRole("rowheader").allInnerTexts();

test.use({ empty: true });

test("an administrator sees who runs, and that a gateway is gone; others do not see the page", async ({ newcomer, cluster }) => {
  test.slow(); // A lease runs out, and what is asked every ten seconds is awaited twice.
  const anna = await newcomer("anna");
  const bob = await newcomer("bob");
  const club = await anna.makeServer("Book club", [bob]);
  const [page, other] = [await anna.open(club), await bob.open(club)];
  await (await openSwitcher(page)).fill("Administration");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Status" })).toBeVisible();
  await expect.poll(() => nodes(page, "Nodes")).toEqual(["gateway-1", "gateway-2", "worker-1", "worker-2"]);
  await expect(page.getByRole("row", { name: "gateway-1" })).toContainText(/Gateway.*connection/);
  await expect(page.getByRole("row", { name: "worker-1" })).toContainText(/Worker.*partition/);
  await expect(page.getByRole("definition").first()).toHaveText("2");
  await axeInThemes(page);

  await (await openSwitcher(other)).fill("Administration");
  await expect(other.getByText("Nothing has this name.")).toBeVisible();
  await expect(bob.call("deployment_status")).rejects.toThrow(/403/);

  const dies = 3 - anna.gateway;
  bob.expects(/WebSocket/);
  await cluster.killGateway(dies);
  await expect(page.getByRole("row", { name: `gateway-${dies}` })).toContainText("gone since", LATER);
  await expect(page.getByText(`gateway-${dies} ended without a word.`)).toBeVisible();

  await cluster.sql("UPDATE accounts SET admin = false");
  await expect(page.getByRole("alert")).toBeVisible(LATER);
  await expect(page.getByRole("rowheader")).toHaveCount(4);
  await page.keyboard.press("Escape");
  await expect(composer(page)).toBeVisible();
});

test("it is read on a phone, in German", async ({ newcomer }) => {
  const anna = await newcomer("anna", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, locale: "de-DE" });
  const page = await anna.open(await anna.makeServer("Book club"));
  await page.keyboard.press("Control+KeyK");
  await page.getByRole("combobox").fill("Verwaltung");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Zustand" }).tap();
  await expect.poll(() => nodes(page, "Knoten")).toEqual(["gateway-1", "gateway-2", "worker-1", "worker-2"]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  expect(await page.locator(".layer-page").evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
  await axeInThemes(page);
});
