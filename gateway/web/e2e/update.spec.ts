// Two builds: what an old page does when its gateway has a new one, with and without the service worker.
import type { Page } from "@playwright/test";
import { deploy } from "./support/builds.ts";
import { expect, PASSWORD, test, type Person } from "./support/fixture.ts";

const OFFER = "A new version is ready.";
const scripts = (page: Page): Promise<string> => page.evaluate(() => document.querySelector("script[src]")?.getAttribute("src") ?? "");

/** Signs in at the address of the deployment. */
async function enter(alice: Person, visitor: Person, origin: string): Promise<Page> {
  const { page } = visitor;
  await page.goto(origin);
  await page.getByLabel("Name").fill(alice.name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.locator("#composer")).toBeVisible();
  return page;
}

test("an old page that misses a file offers the new one, which works", async ({ alice, stranger, cluster }) => {
  await alice.makeServer("Book club");
  const site = await deploy(cluster.origin);
  const visitor = await stranger({ serviceWorkers: "block" });
  // It misses what is gone; the error of a style sheet has no words.
  visitor.expects(/404|dynamically imported|preload|^$/);
  const page = await enter(alice, visitor, site.origin);
  await site.next();
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  await expect(page.getByText(OFFER)).toBeVisible();
  await page.getByRole("button", { name: "Reload" }).first().click();
  await expect.poll(() => scripts(page).catch(() => "")).toContain("-next");
  await expect(page.locator("#composer")).toBeVisible();
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  await expect(page.getByRole("combobox", { name: "Find an emoji" })).toBeVisible();
  await site.stop();
});

test("what an old page fetches ahead and misses breaks nothing, and who needs it is asked to reload each time", async ({ alice, stranger, cluster }) => {
  await alice.makeServer("Book club");
  const site = await deploy(cluster.origin);
  const visitor = await stranger({ serviceWorkers: "block" });
  visitor.expects(/404|preload|^$/);
  await visitor.page.clock.install();
  const page = await enter(alice, visitor, site.origin);
  await site.next();
  await page.clock.runFor(6_000);
  await expect(page.getByText(OFFER)).toBeVisible();
  for (const keys of ["Control+KeyK", "Control+Slash", "Control+KeyK"]) {
    await page.getByRole("button", { name: "Dismiss", exact: true }).click();
    await expect(page.getByText(OFFER)).toHaveCount(0);
    await page.keyboard.press(keys);
    await expect(page.getByText(OFFER)).toHaveCount(1);
  }
  await site.stop();
});

test("with its service worker the old page goes on until the reader takes the new one", async ({ alice, stranger, cluster }) => {
  await alice.makeServer("Book club");
  const site = await deploy(cluster.origin);
  const visitor = await stranger();
  // What the old page asks for between the new worker and the reload is gone.
  visitor.expects(/404|dynamically imported|preload|^$/);
  const page = await enter(alice, visitor, site.origin);
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (navigator.serviceWorker.controller === null) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  });
  await site.next();
  // The old page has all its files, and opens again with its own policy.
  await page.reload();
  await expect(page.locator("#composer")).toBeVisible();
  expect(await scripts(page)).not.toContain("-next");
  await page.keyboard.press("Control+Comma");
  await expect(page).toHaveTitle(/Settings/);
  await page.keyboard.press("Escape");
  await page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration())?.update()));
  await expect(page.getByText(OFFER)).toBeVisible();
  await page.getByRole("button", { name: "Reload" }).click();
  await expect.poll(() => scripts(page).catch(() => "")).toContain("-next");
  await expect(page.locator("#composer")).toBeVisible();
  await page.keyboard.press("Control+Comma");
  await expect(page).toHaveTitle(/Settings/);
  await site.stop();
});
