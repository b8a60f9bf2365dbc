// What leads to messages: pins, search, the inbox, links, and what is not read.
import type { Locator, Page } from "@playwright/test";
import { axeInThemes, expect, PASSWORD, test, type Person, type Server } from "./support/fixture.ts";
import { openSwitcher } from "./support/page.ts";

const timeline = (page: Page): Locator => page.getByRole("log");
const message = (page: Page, text: string): Locator => timeline(page).getByRole("article").filter({ hasText: text });
const panel = (page: Page, name: string): Locator => page.getByRole("complementary", { name });

interface Said {
  message_id: string;
  seq: number;
}

const say = (person: Person, server: Server, content: string, channel = server.channel): Promise<Said> =>
  person.write<Said>("message_new", { channel_id: channel, content }, server.id);

test("a message is pinned by a key, marked for both, listed, and unpinned from the list", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const [page, other] = [await alice.open(club), await bob.open(club)];
  await say(bob, club, "The door code is 4711.");
  await say(bob, club, "And the lights are left of it.");
  await other.getByRole("button", { name: "Pinned messages" }).click();
  await expect(panel(other, "Pinned messages")).toContainText("Nothing is pinned here.");

  await message(page, "door code").focus();
  await page.keyboard.press("p");
  await expect(message(page, "door code").getByRole("button", { name: `Pinned by ${alice.name}` })).toBeVisible();
  await expect(message(other, "door code").getByRole("button", { name: `Pinned by ${alice.name}` })).toBeVisible();
  await expect(panel(other, "Pinned messages")).toContainText("The door code is 4711.");
  await expect(panel(other, "Pinned messages").getByRole("button", { name: "Unpin" })).toHaveCount(0);

  await message(page, "lights").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Pin" }).click();
  await message(page, "lights").getByRole("button", { name: /^Pinned by/ }).click();
  const pins = panel(page, "Pinned messages");
  await expect(pins.locator(".hit-text")).toHaveText(["And the lights are left of it.", "The door code is 4711."]);
  await axeInThemes(page);
  await pins.getByRole("button", { name: /door code/ }).click();
  await expect(message(page, "door code")).toHaveClass(/marked/);
  await pins.locator(".hit", { hasText: "door code" }).getByRole("button", { name: "Unpin" }).click();
  await expect(pins.locator(".hit-text")).toHaveText(["And the lights are left of it."]);
  await expect(panel(other, "Pinned messages").locator(".hit-text")).toHaveText(["And the lights are left of it."]);
  await expect(message(other, "door code").getByRole("button", { name: /^Pinned/ })).toHaveCount(0);
});

/** Fills a channel, in order. */
async function fill(person: Person, server: Server, count: number): Promise<Said[]> {
  const said: Said[] = [];
  for (let number = 1; number <= count; number += 1) said.push(await say(person, server, `line ${number}.`));
  return said;
}

const marked = (page: Page): Locator => timeline(page).locator(".marked");

/** Whether a row stands whole in the view of the timeline. */
const inView = (row: Locator): Promise<boolean> =>
  row.evaluate((element) => {
    const view = element.closest("[role=log]")?.getBoundingClientRect();
    const { top, bottom } = element.getBoundingClientRect();
    return view !== undefined && top >= view.top && bottom <= view.bottom;
  });

test("a link to an old message of 500 opens there, and leads back to the present; a day is found", async ({ alice, bob }) => {
  test.setTimeout(180_000);
  const club = await alice.makeServer("Book club", [bob]);
  const said = await fill(alice, club, 500);
  const page = await bob.open(club, `/${said[99]?.message_id}`);
  await expect(marked(page)).toContainText("line 100.");
  await expect.poll(() => inView(message(page, "line 100."))).toBe(true);
  expect(page.url()).toBe(`${new URL(page.url()).origin}/c/${club.id}/${club.channel}`);
  await expect(message(page, "line 500.")).toHaveCount(0);
  await expect(page.getByText("You are viewing older messages.")).toBeVisible();
  await axeInThemes(page);
  await page.getByRole("button", { name: "Jump to present" }).click();
  await expect.poll(() => inView(message(page, "line 500."))).toBe(true);
  await expect(page.getByText("You are viewing older messages.")).toHaveCount(0);

  // A reply leads to what it answers, and back again.
  await bob.write("message_new", { channel_id: club.channel, content: "that one", reply_to: said[9]?.message_id }, club.id);
  await message(page, "that one").locator(".reply-line button").click();
  await expect(marked(page)).toContainText("line 10.");
  await page.getByRole("button", { name: "Back", exact: true }).click();
  await expect.poll(() => inView(message(page, "that one"))).toBe(true);

  await timeline(page).getByRole("heading", { level: 2 }).first().getByRole("button").click();
  // The first day of the channel, whatever day it is by now.
  const day = page.getByRole("dialog").getByLabel("Day", { exact: true });
  await day.fill((await day.getAttribute("min")) ?? "");
  await page.getByRole("dialog").getByRole("button", { name: "Jump", exact: true }).click();
  await expect(marked(page)).toContainText("line 1.");
});

test("a channel opens at the first unread message, 400 back, and says so until it is read", async ({ alice, bob }) => {
  test.setTimeout(180_000);
  const club = await alice.makeServer("Book club", [bob]);
  const said = await fill(alice, club, 30);
  await bob.call("unreads_ack", { channel_id: club.channel, seq: said[29]?.seq });
  for (let number = 1; number <= 400; number += 1) await say(alice, club, `news ${number}.`);
  const page = await bob.open(club);
  const divider = timeline(page).getByRole("separator", { name: "New" });
  await expect.poll(() => inView(divider)).toBe(true);
  await expect(message(page, "news 1.")).toBeVisible();
  await expect(message(page, "line 30.")).toBeVisible();
  await expect(message(page, "news 400.")).toHaveCount(0);

  await page.getByRole("button", { name: "Jump to present" }).click();
  await expect.poll(() => inView(message(page, "news 400."))).toBe(true);
  // Who goes to the end has read all of it; who puts it back finds it as it was.
  await message(page, "news 380.").focus();
  await page.keyboard.press("Alt+Enter");
  await expect.poll(() => inView(message(page, "news 400."))).toBe(true);
  await page.reload();
  await expect.poll(() => inView(divider)).toBe(true);
  await expect(divider.locator("xpath=following-sibling::article[1]")).toContainText("news 380.");
});

test("a search with operators finds, groups, marks and leads there", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const { channel } = await alice.write<{ channel: { channel_id: string } }>("channel_create", { name: "kitchen", kind: "text" }, club.id);
  await say(alice, club, "When is lunch?");
  await say(bob, club, "Lunch is at noon, see https://lunch.example");
  await say(bob, club, "Dinner at eight.");
  await say(bob, club, "No lunch today: https://closed.example", channel.channel_id);
  await say(alice, club, "Lunch links: https://other.example", channel.channel_id);

  const page = await alice.open(club);
  await page.keyboard.press("Control+Shift+F");
  const found = panel(page, "Search");
  const field = found.getByRole("combobox", { name: "Search" });
  await expect(field).toBeFocused();
  await field.pressSequentially("lunch from:bo");
  await expect(found.getByRole("option", { name: `from:${bob.name}` })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(field).toHaveValue(`lunch from:${bob.name} `);
  await field.pressSequentially("has:link after:2026-01-01");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await expect(found.getByRole("heading", { level: 3 })).toHaveText([/kitchen/, /general/]);
  await expect(found.locator(".hit-text")).toHaveText([/^No lunch today/, /^Lunch is at noon/]);
  await expect(found.locator("mark").first()).toHaveText("lunch");
  await expect(found.getByRole("status")).toHaveText("2 messages");
  // What was said before and after it stands around each.
  await expect(found.locator(".in-context").nth(1)).toContainText("When is lunch?");
  await expect(found.locator(".in-context").nth(1)).toContainText("Dinner at eight.");
  await axeInThemes(page);

  await field.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(marked(page)).toContainText("Lunch is at noon");
  await found.locator("[data-hit]").first().click();
  await expect(page.getByRole("heading", { level: 1, name: "kitchen" })).toBeVisible();
  await expect(marked(page)).toContainText("No lunch today");

  // Only here; then what is not there, and who is not.
  await found.getByRole("radio", { name: "This channel" }).check();
  await expect(found.locator(".hit-text")).toHaveText([/^No lunch today/]);
  await field.fill("no such thing");
  await field.press("Enter");
  await expect(found.getByText("No messages match. Try fewer words.")).toBeVisible();
  await field.fill("from:zoe");
  await field.press("Enter");
  await expect(found.getByText("Nobody here is called “zoe”.")).toBeVisible();

  // What is deleted is found no more, and what was searched for can be asked again.
  await found.getByRole("button", { name: "Clear the search" }).click();
  await found.getByRole("button", { name: /^lunch from:/ }).click();
  await expect(found.locator(".hit-text")).toHaveText([/^No lunch today/]);
  await page.keyboard.press("Escape");
  await expect(found).toBeHidden();
});

test("what one account looked for is not there for the next one in the same tab", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await say(alice, club, "When is lunch?");
  const page = await alice.open(club);
  await page.keyboard.press("Control+F");
  const found = panel(page, "Search");
  const field = found.getByRole("combobox", { name: "Search" });
  await field.fill("lunch");
  await field.press("Enter");
  await expect(found.locator(".hit-text")).toHaveText([/^When is lunch/]);

  const switcher = await openSwitcher(page);
  await switcher.fill("Sign out");
  await switcher.press("Enter");
  alice.expects(/401/);
  await page.getByLabel("Name").fill(bob.name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("When is lunch?")).toBeVisible();
  if (await found.isHidden()) await page.keyboard.press("Control+F");
  await expect(field).toHaveValue("");
  await expect(found.locator(".hit-text")).toHaveCount(0);
  await expect(found.getByText("Recent searches")).toHaveCount(0);
});

test("a search of much goes on where it ended", async ({ alice }) => {
  test.setTimeout(120_000);
  const club = await alice.makeServer("Book club");
  await fill(alice, club, 60);
  const page = await alice.open(club);
  await page.keyboard.press("Control+F");
  const found = panel(page, "Search");
  await found.getByRole("combobox", { name: "Search" }).fill("line");
  await page.keyboard.press("Enter");
  await expect(found.locator(".hit")).toHaveCount(50);
  await expect(found.getByText("50+ messages")).toBeVisible();
  await expect(found.getByText(/^Searched back to /)).toBeVisible();
  await found.getByRole("button", { name: "Continue" }).click();
  await expect(found.locator(".hit")).toHaveCount(60);
  await expect(found.getByText("60 messages")).toBeVisible();
  await expect(found.getByRole("button", { name: "Continue" })).toHaveCount(0);
});

test("the inbox counts what calls upon one, and falls as it is read in another tab", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const work = await alice.makeServer("Work", [bob]);
  const called = bob.id;
  const page = await bob.open(club);
  const { channel } = await alice.write<{ channel: { channel_id: string } }>("channel_create", { name: "kitchen", kind: "text" }, club.id);
  for (const [server, id] of [[club, channel.channel_id], [work, work.channel]] as const) {
    const { seq } = await say(alice, server, "hello", id);
    await bob.call("unreads_ack", { channel_id: id, seq });
  }
  await say(alice, club, `<@${called}>: soup?`, channel.channel_id);
  await say(alice, work, `<@${called}>: the report?`);
  await say(alice, work, "nobody in particular");
  const entry = page.getByRole("button", { name: "Inbox, 2 mentions" });
  await entry.click();
  const inbox = panel(page, "Inbox");
  await expect(inbox.locator(".hit-text")).toHaveText([/the report\?$/, /soup\?$/]);
  await expect(inbox.locator(".hit.strong")).toHaveCount(2);
  await axeInThemes(page);

  const other = await bob.tab(`/c/${work.id}/${work.channel}`);
  await expect(message(other, "the report?")).toBeVisible();
  await expect(page.getByRole("button", { name: "Inbox, 1 mention", exact: true })).toBeVisible();
  await expect(inbox.locator(".hit.strong")).toHaveCount(1);

  await inbox.getByRole("tab", { name: /^Unread/ }).click();
  await expect(inbox.getByRole("button", { name: /kitchen.*1 new/ })).toBeVisible();
  await expect(inbox.getByRole("heading", { name: "Work" })).toHaveCount(0);
  await axeInThemes(page);
  await inbox.getByRole("button", { name: "Mark Book club as read" }).click();
  await expect(inbox.getByText("Everything is read.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Inbox", exact: true })).toBeVisible();
  await inbox.getByRole("tab", { name: "Mentions" }).click();
  await inbox.getByRole("button", { name: /soup\?/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: "kitchen" })).toBeVisible();
  await expect(marked(page)).toContainText("soup?");
});

test("who reacted is listed, and follows what happens", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const { message_id } = await say(alice, club, "Cake!");
  const react = (person: Person, emoji: string): Promise<unknown> => person.write("message_react_add", { channel_id: club.channel, message_id, emoji }, club.id);
  await react(alice, "🎂");
  await react(bob, "👍");
  const page = await alice.open(club);
  await message(page, "Cake!").focus();
  await page.keyboard.press("Shift+F10");
  await page.getByRole("menuitem", { name: "Who reacted" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("listitem")).toHaveText([alice.name]);
  await react(bob, "🎂");
  await expect(dialog.getByRole("listitem")).toHaveText([alice.name, bob.name]);
  await dialog.getByRole("tab", { name: "👍 1" }).click();
  await expect(dialog.getByRole("listitem")).toHaveText([bob.name]);
  await axeInThemes(page);
  await page.keyboard.press("Escape");
  await message(page, "Cake!").getByRole("button", { name: /^🎂/ }).click({ button: "right" });
  await expect(dialog.getByRole("tab", { name: "🎂 2" })).toHaveAttribute("aria-selected", "true");
});

test("the quick switcher goes where one was last, and to people and servers by a sign", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await alice.makeServer("Work", [bob]);
  await alice.write("channel_create", { name: "kitchen", kind: "text" }, club.id);
  const page = await alice.open(club);
  await page.getByRole("button", { name: "kitchen" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "kitchen" })).toBeVisible();
  const options = page.getByRole("listbox", { name: "Found" }).getByRole("option");
  await page.keyboard.press("Control+K");
  await expect(page.getByRole("combobox")).toBeFocused();
  await expect(options.first()).toContainText("#general");
  await expect(options.first()).toContainText("Book club");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "general" })).toBeVisible();

  await page.keyboard.press("Control+K");
  await page.keyboard.type("*wo");
  await expect(options).toHaveText([/^Work/]);
  await page.getByRole("combobox").fill(`@${bob.name.slice(0, 5)}`);
  await expect(options.filter({ hasText: bob.name })).toHaveCount(1);
  await page.getByRole("combobox").fill(`@${bob.name}`);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: bob.name })).toBeVisible();
});
