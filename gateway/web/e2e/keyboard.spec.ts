// The keyboard alone: from one part of the page to the next, and within each.
import type { Locator, Page } from "@playwright/test";
import { expect, PASSWORD, test } from "./support/fixture.ts";
import { composer, openSwitcher } from "./support/page.ts";

const row = (page: Page, text: string): Locator => page.getByRole("article").filter({ hasText: text });

test("the timeline is one tab stop, and all that its rows hold is reached by arrows", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await alice.say(club, "see https://example.org and [here](https://example.com/)");
  await alice.say(club, `hello <@${bob.id}>`);
  const { page } = bob;
  await page.goto(`/c/${club.id}/${club.channel}`);
  await expect(row(page, "hello")).toBeVisible();
  await expect(page.locator(".timeline [tabindex='0'], .timeline button:not([tabindex])")).toHaveCount(1);
  await page.keyboard.press("Control+Shift+F6");
  await expect(row(page, "hello")).toBeFocused();
  await expect(row(page, "hello")).toHaveAccessibleName(/^alice.*, hello @bob/);
  await page.keyboard.press("ArrowUp");
  await expect(row(page, "see")).toBeFocused();
  await page.keyboard.press("F10");
  await expect(page.getByRole("button", { name: /^React with/ }).first()).toBeFocused();
  const link = row(page, "see").getByRole("link", { name: "here" });
  for (let step = 0; step < 12 && !(await link.evaluate((element) => element === document.activeElement)); step += 1) {
    await page.keyboard.press("ArrowRight");
  }
  await expect(link).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(row(page, "see")).toBeFocused();
  await page.keyboard.press("Shift+F10");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("menuitem", { name: /Reply/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText(/^Reply to alice/)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByText(/^Reply to alice/)).toHaveCount(0);
  await (await openSwitcher(page)).press("Escape");
  await page.keyboard.press("Control+Shift+F6");
  await page.keyboard.press("Tab");
  await expect(composer(page)).toBeFocused();
});

test("a message that is deleted leaves the focus to its neighbour", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  for (const text of ["one", "two", "three"]) await alice.say(club, text);
  const { page } = alice;
  await page.goto(`/c/${club.id}/${club.channel}`);
  await expect(row(page, "three")).toBeVisible();
  await page.keyboard.press("Control+Shift+F6");
  await page.keyboard.press("ArrowUp");
  await expect(row(page, "two")).toBeFocused();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
  await expect(row(page, "two")).toHaveCount(0);
  await expect(row(page, "three")).toBeFocused();
});

test("the parts of the page follow each other, and each remembers its place", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  await alice.say(club, "hello");
  const { page } = alice;
  await page.goto(`/c/${club.id}/${club.channel}`);
  await expect(row(page, "hello")).toBeVisible();
  await page.keyboard.press("Tab");
  const visited: string[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    visited.push(await page.evaluate(() => document.activeElement?.closest("nav, aside, [role=log], footer")?.tagName ?? "none"));
    await page.keyboard.press("Control+F6");
  }
  expect(new Set(visited)).toEqual(new Set(["NAV", "SECTION", "FOOTER", "ASIDE"]));
});

/** Goes on with Tab until something has the focus. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await expect(wanted.first()).toBeVisible();
  for (let step = 0; step < 40; step += 1) {
    if (await wanted.first().evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  await expect(wanted.first(), "reached by Tab").toBeFocused();
}

/** Goes down a menu until something of it has the focus. */
async function choose(page: Page, name: RegExp): Promise<void> {
  const wanted = page.getByRole("menuitem", { name });
  await expect(wanted).toBeVisible();
  for (let step = 0; step < 20 && !(await wanted.evaluate((element) => element === document.activeElement)); step += 1) {
    await page.keyboard.press("ArrowDown");
  }
  await expect(wanted).toBeFocused();
  await page.keyboard.press("Enter");
}

test("keys alone lead from signing in to signing out", async ({ alice, stranger }) => {
  const visitor = await stranger();
  const { page } = visitor;
  const button = (name: string): Locator => page.getByRole("button", { name, exact: true });
  await page.goto("/");
  await tabTo(page, page.getByLabel("Name"));
  await page.keyboard.type(alice.name);
  await tabTo(page, page.getByLabel("Password"));
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");

  // A server.
  await tabTo(page, page.getByLabel("Name of the server"));
  await page.keyboard.type("Book club");
  await page.keyboard.press("Enter");
  await expect(composer(page)).toBeVisible();

  // A channel.
  await tabTo(page, page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: "Book club" }));
  await page.keyboard.press("Enter");
  await choose(page, /^Create a channel/);
  const dialog = page.getByRole("dialog");
  await tabTo(page, dialog.getByLabel("Name", { exact: true }));
  await page.keyboard.type("kitchen");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "kitchen" }).first()).toBeVisible();

  // Sending, editing, replying, reacting, deleting.
  await tabTo(page, composer(page));
  await page.keyboard.type("lunch at noon");
  await page.keyboard.press("Enter");
  await expect(row(page, "lunch at noon")).not.toHaveClass(/pending/);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("End");
  await page.keyboard.type(" sharp");
  await page.keyboard.press("Enter");
  await expect(row(page, "lunch at noon sharp")).toContainText("(edited)");
  await page.keyboard.press("Control+Shift+F6");
  await expect(row(page, "lunch")).toBeFocused();
  await page.keyboard.press("r");
  await expect(page.getByText(/^Reply to alice/)).toBeVisible();
  await page.keyboard.type("and tea");
  await page.keyboard.press("Enter");
  await expect(row(page, "and tea")).not.toHaveClass(/pending/);
  await page.keyboard.press("Control+Shift+F6");
  // The timeline remembers the row where one was.
  await page.keyboard.press("End");
  await expect(row(page, "and tea")).toBeFocused();
  await page.keyboard.press("=");
  await expect(page.getByRole("combobox", { name: "Find an emoji" })).toBeFocused();
  await page.keyboard.type("teapot");
  await expect(page.getByRole("gridcell", { name: "teapot" })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(row(page, "and tea").locator(".reaction")).toHaveAttribute("aria-pressed", "true");
  await expect(row(page, "and tea")).toBeFocused();
  await page.keyboard.press("Delete");
  await tabTo(page, page.getByRole("dialog").getByRole("button", { name: "Delete" }));
  await page.keyboard.press("Enter");
  await expect(row(page, "and tea")).toHaveCount(0);

  // Search, and back.
  await page.keyboard.press("Control+KeyF");
  await expect(page.getByRole("combobox", { name: "Search", exact: true })).toBeFocused();
  await page.keyboard.type("sharp");
  await page.keyboard.press("Enter");
  const found = page.getByRole("complementary", { name: "Search" });
  await expect(found.locator(".hit-text")).toHaveText(["lunch at noon sharp"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(row(page, "lunch at noon sharp")).toHaveClass(/marked/);

  // Out, by the menu of the account.
  await tabTo(page, page.getByRole("button", { name: alice.name }).and(page.locator(".own-name")));
  await page.keyboard.press("Enter");
  await choose(page, /^Sign out/);
  await expect(button("Sign in").first()).toBeVisible();
});
