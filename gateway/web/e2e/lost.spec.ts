// Where somebody could stand and not know how to go on: links that lead nowhere, invites that are over, files that are gone.
import { expect, test } from "./support/fixture.ts";

const NOWHERE = "This leads nowhere: it is gone, or not for you to see.";

test("a link that leads nowhere says so, and leads back", async ({ alice, bob, stranger }) => {
  const club = await alice.makeServer("Book club");
  const other = await bob.makeServer("Garden");
  const { page } = alice;
  // The first one is answered before there is a service worker.
  alice.expects(/404/);
  for (const path of ["/foo", "/c", "/c/1/2", "/c/1", `/c/${club.id}/999`, `/c/${other.id}/${other.channel}`]) {
    await page.goto(path);
    await expect(page.getByText(NOWHERE)).toBeVisible();
    await page.getByRole("button", { name: "Go to your channels" }).click();
    await expect(page.getByRole("heading", { name: "general" }).first()).toBeVisible();
    await expect(page).toHaveTitle("#general · Book club · Confab");
  }
  const visitor = (await stranger()).page;
  await visitor.goto("/c/1/2");
  await expect(visitor.getByText("Sign in to see what this link leads to.")).toBeVisible();
  await expect(visitor).toHaveTitle("Sign in · Confab");
});

test("an address that is none shows the page, and is answered as none", async ({ stranger, cluster, request }) => {
  const visitor = await stranger({ serviceWorkers: "block" });
  visitor.expects(/404/);
  expect((await visitor.page.goto("/foo"))?.status()).toBe(404);
  await expect(visitor.page.getByLabel("Name")).toBeVisible();
  const missed = await request.get(`${cluster.origin}/assets/gone.js`, { headers: { Accept: "*/*" } });
  expect([missed.status(), await missed.text()]).toEqual([404, expect.stringContaining("unknown_command")]);
});

test("an invite opens the server where one is already, and says when it is over", async ({ alice, bob, stranger }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const { code } = await alice.write<{ code: string }>("invite_create", {}, club.id);
  const { page } = bob;
  await page.goto(`/i/${code}`);
  await expect(page).toHaveURL(new RegExp(`/c/${club.id}/`));
  await expect(page.getByRole("heading", { name: "general" }).first()).toBeVisible();
  await alice.write("invite_revoke", { code }, club.id);
  bob.expects(/invite_preview/);
  await page.goto(`/i/${code}`);
  await expect(page.getByText("This invite is unknown, or no longer valid. Ask for a new one.")).toBeVisible();
  await page.getByRole("button", { name: "Continue without it" }).click();
  await expect(page).toHaveURL(new RegExp(`/c/${club.id}/`));
  const visitor = await stranger();
  visitor.expects(/invite_preview/);
  await visitor.page.goto(`/i/${code}`);
  await expect(visitor.page.getByText("This invite is unknown, or no longer valid. Ask for a new one.")).toBeVisible();
  await visitor.page.getByRole("button", { name: "Sign in" }).last().click();
  await expect(visitor.page.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

test("the title says which settings these are, and behind them all is as it was", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  await alice.say(club, "lunch at noon");
  const page = await alice.open(club);
  await page.keyboard.press("Control+KeyF");
  const panel = page.getByRole("complementary", { name: "Search" });
  await panel.getByRole("combobox").fill("lunch");
  await page.keyboard.press("Enter");
  await expect(panel.locator(".hit-text")).toHaveText(["lunch at noon"]);
  for (const width of [1440, 1000, 600]) {
    await page.setViewportSize({ width, height: 900 });
    await page.keyboard.press("Control+Comma");
    if (width >= 720) await expect(page).toHaveTitle("Account · Settings · Confab");
    await page.getByRole("button", { name: "Close" }).last().click();
    await expect(page.getByRole("dialog", { name: "Settings" })).toHaveCount(0);
    await expect(panel.locator(".hit-text")).toHaveText(["lunch at noon"]);
    await expect(page).toHaveTitle("#general · Book club · Confab");
  }
});

test("where the page's own script is missing a sentence says so, and reloading helps", async ({ stranger }) => {
  const visitor = await stranger({ serviceWorkers: "block" });
  const { page } = visitor;
  visitor.expects(/404/);
  await page.route(/\/assets\/index-[^/]*\.js$/, (route) => route.fulfill({ status: 404 }));
  await page.goto("/");
  const sentence = page.getByText("Confab could not be loaded.");
  await expect(sentence).toBeVisible();
  await expect(page.getByText("Confab konnte nicht geladen werden.")).toBeVisible();
  await page.unroute(/\/assets\/index-[^/]*\.js$/);
  await page.getByRole("button", { name: /^Reload/ }).click();
  await expect(page.getByLabel("Name")).toBeVisible();
  await expect(sentence).toHaveCount(0);
});

test("code is there without its colours where their file is missing", async ({ newcomer }) => {
  const ana = await newcomer("ana", { serviceWorkers: "block" });
  const club = await ana.makeServer("Book club");
  ana.expects(/404/);
  const refused = ana.page.waitForResponse((response) => response.status() === 404);
  await ana.page.route(/\/assets\/highlight-[^/]*\.js$/, (route) => route.fulfill({ status: 404 }));
  await ana.say(club, "```rust\nfn colourless() {}\n```");
  const page = await ana.open(club);
  await refused;
  await expect(page.locator(".codeblock")).toHaveText("fn colourless() {}");
  await ana.say(club, "and on it goes");
  await expect(page.getByText("and on it goes").last()).toBeVisible();
});

test("who signs out is told so, and asked for no link", async ({ alice }) => {
  const page = await alice.open(await alice.makeServer("Book club"));
  await page.getByRole("button", { name: alice.name }).and(page.locator(".own-name")).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible();
  await expect(page.getByText("Sign in to see what this link leads to.")).toHaveCount(0);
  expect(new URL(page.url()).pathname).toBe("/");
});

test("a new account is told all that is wrong with it at once", async ({ stranger }) => {
  const { page } = await stranger();
  await page.goto("/");
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByLabel("Name").fill("Anna B");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.locator("[aria-invalid=true]")).toHaveCount(2);
  await expect(page.getByLabel("Name")).toBeFocused();
});
