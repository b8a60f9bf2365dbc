// What people go through, from the first account on.
import type { Locator, Page } from "@playwright/test";
import { PERMISSIONS } from "confab-client";
import { expect, PASSWORD, test, type Person, type Server } from "./support/fixture.ts";

/** What a browser says of a connection that a test ended. */
const CUT = /WebSocket|ERR_|Failed to load/;

const composer = (page: Page): Locator => page.locator("#composer");
const timeline = (page: Page): Locator => page.getByRole("log");
const message = (page: Page, text: string): Locator => timeline(page).getByRole("article").filter({ hasText: text });

async function write(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

async function open(person: Person, server: Server): Promise<Page> {
  await person.page.goto(`/c/${server.id}/${server.channel}`);
  await expect(composer(person.page)).toBeVisible();
  return person.page;
}

/** The texts of the timeline, in the order in which they stand there. */
const texts = (page: Page): Promise<string[]> => timeline(page).locator("article .row-body").allInnerTexts();

test.describe("on an empty deployment", () => {
  test.use({ empty: true });

  test("two people come from the first account to a conversation", async ({ stranger }) => {
    const [alice, bob] = [await stranger(), await stranger()];
    const { page } = alice;
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Make the first account" })).toBeVisible();
    await page.getByLabel("Name").fill("alice");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByLabel("Name of the server").fill("Book club");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await expect(page.getByRole("heading", { name: "general" })).toBeVisible();
    await write(page, "Is anybody there?");
    await expect(message(page, "Is anybody there?")).toBeVisible();

    const [, server = ""] = /\/c\/(\d+)/.exec(page.url()) ?? [];
    const { code } = await alice.write<{ code: string }>("invite_create", {}, server);
    await bob.page.goto(`/i/${code}`);
    await expect(bob.page.getByText("Book club")).toBeVisible();
    await bob.page.getByLabel("Name").fill("bob");
    await bob.page.getByLabel("Password").fill(PASSWORD);
    await bob.page.getByRole("button", { name: "Create account" }).click();
    await bob.page.getByRole("button", { name: "Join" }).click();
    await expect(message(bob.page, "Is anybody there?")).toBeVisible();
    await write(bob.page, "I am, **now**");
    await expect(message(page, "I am, now").locator("strong")).toHaveText("now");
    await write(page, "Then we begin.");
    await expect(message(bob.page, "Then we begin.")).toBeVisible();
    expect(await texts(page)).toEqual(await texts(bob.page));

    // Whoever comes back is still who he was.
    await bob.page.reload();
    await expect(message(bob.page, "Then we begin.")).toBeVisible();
  });
});

test("who is refused reads why, and tries again", async ({ alice, stranger }) => {
  const person = await stranger();
  const { page } = person;
  person.expects(/401|Unauthorized/);
  await page.goto("/");
  await page.getByLabel("Name").fill(alice.name);
  await page.getByLabel("Password").fill("not her password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("Name or password is wrong.")).toBeVisible();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByLabel("Name of the server")).toBeVisible();
});

test("a conversation goes on when its gateway is killed, and nothing of it is missing", async ({ alice, bob, cluster }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const page = await open(bob, club);
  const said = ["before"];
  await alice.say(club, "before");
  await expect(message(page, "before")).toBeVisible();

  bob.expects(CUT);
  await cluster.killGateway(bob.gateway);
  for (let number = 1; number <= 20; number += 1) {
    said.push(`meanwhile ${number}`);
    await alice.say(club, `meanwhile ${number}`);
  }
  await write(page, "still here");
  await expect(message(page, "still here")).not.toHaveClass(/pending/, { timeout: 30_000 });
  await alice.say(club, "after");
  await expect(message(page, "after")).toBeVisible({ timeout: 30_000 });
  const seen = await texts(page);
  expect(seen.filter((text) => text !== "still here")).toEqual([...said, "after"]);
  expect(seen.filter((text) => text === "still here")).toHaveLength(1);
});

test("what is written without a connection is kept over a reload and sent once", async ({ alice, bob, cluster }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const page = await open(alice, club);
  const other = await open(bob, club);
  for (const person of [alice, bob]) person.expects(CUT);
  cluster.balancer.severSockets();
  await write(page, "first");
  await write(page, "second");
  await expect(message(page, "second")).toContainText("Waiting for the connection.");
  await page.reload();
  cluster.balancer.mend();
  for (const where of [page, other]) {
    await expect(message(where, "second")).not.toHaveClass(/pending/, { timeout: 30_000 });
    await expect.poll(() => texts(where), { timeout: 30_000 }).toEqual(["first", "second"]);
  }
});

test("who may no longer write or read is shown so, and shown when he may again", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const page = await open(bob, club);
  await alice.say(club, "for members");
  await expect(message(page, "for members")).toBeVisible();
  // The role of everyone has the id of the server.
  const everyone = { channel_id: club.channel, kind: "role", target: club.id };
  const deny = (permission: keyof typeof PERMISSIONS): Promise<unknown> =>
    alice.write("override_set", { ...everyone, allow: 0, deny: PERMISSIONS[permission] }, club.id);

  await deny("SEND_MESSAGES");
  await expect(composer(page)).toBeHidden();
  await expect(message(page, "for members")).toBeVisible();
  await deny("VIEW_CHANNEL");
  await expect(page.getByText("You can no longer see this channel.")).toBeVisible();
  await expect(message(page, "for members")).toHaveCount(0);
  await alice.write("override_clear", everyone, club.id);
  await page.goto(`/c/${club.id}/${club.channel}`);
  await expect(message(page, "for members")).toBeVisible();
  await expect(composer(page)).toBeEnabled();
});

test("on a phone one pane is shown at a time", async ({ newcomer, alice }) => {
  const dana = await newcomer("dana", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const club = await alice.makeServer("Book club", [dana]);
  const page = await open(dana, club);
  const channels = page.getByRole("navigation", { name: "Channels" });
  await expect(channels).toBeHidden();
  await composer(page).fill("from a train");
  await page.getByRole("button", { name: "Send" }).tap();
  await expect(message(page, "from a train")).toBeVisible();
  await page.getByRole("button", { name: "Channels" }).tap();
  await expect(channels).toBeVisible();
  await channels.getByText("general").tap();
  await expect(message(page, "from a train")).toBeVisible();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(390);
});

test("everything is done by keys", async ({ newcomer, alice }) => {
  const erik = await newcomer("erik");
  const club = await alice.makeServer("Book club");
  const { code } = await alice.write<{ code: string }>("invite_create", {}, club.id);
  const { page } = erik;
  await page.goto(`/i/${code}`);
  await page.getByRole("button", { name: "Join" }).focus();
  await page.keyboard.press("Enter");
  // A switch focuses the composer.
  await expect(composer(page)).toBeFocused();
  await page.keyboard.type("by keys alone");
  await page.keyboard.press("Enter");
  await expect(message(page, "by keys alone")).not.toHaveClass(/pending/);
  // The last message is edited by the arrow, as in every chat.
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("End");
  await page.keyboard.type(", and changed");
  await page.keyboard.press("Enter");
  await expect(message(page, "by keys alone, and changed")).toBeVisible();
  const regions = new Set<string>();
  for (let turn = 0; turn < 5; turn += 1) {
    await page.keyboard.press("Control+F6");
    regions.add(await page.evaluate(() => document.activeElement?.closest("[data-region]")?.getAttribute("aria-label") ?? "none"));
  }
  expect([...regions]).toEqual(expect.arrayContaining(["Servers", "Channels"]));
});
