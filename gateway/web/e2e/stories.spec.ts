// What people go through when something fails: a password, a gateway, the connection, a right.
import type { Locator, Page } from "@playwright/test";
import { PERMISSIONS } from "confab-client";
import { expect, PASSWORD, test } from "./support/fixture.ts";
import { composer } from "./support/page.ts";

/** What a browser says of a connection that a test ended. */
const CUT = /WebSocket|ERR_|Failed to load/;

const timeline = (page: Page): Locator => page.getByRole("log");
const message = (page: Page, text: string): Locator => timeline(page).getByRole("article").filter({ hasText: text });

async function write(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

/** The texts of the timeline, in the order in which they stand there. */
const texts = (page: Page): Promise<string[]> => timeline(page).locator("article .row-body").allInnerTexts();

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
  const page = await bob.open(club);
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
  const page = await alice.open(club);
  const other = await bob.open(club);
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
  const page = await bob.open(club);
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
