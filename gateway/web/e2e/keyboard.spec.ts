// The keyboard alone: from one part of the page to the next, and within each.
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "./support/fixture.ts";
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
  await expect(page.getByRole("button", { name: "React…" })).toBeFocused();
  const link = row(page, "see").getByRole("link", { name: "here" });
  for (let step = 0; step < 9 && !(await link.evaluate((element) => element === document.activeElement)); step += 1) {
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
