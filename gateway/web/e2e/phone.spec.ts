// A phone: one pane at a time, a finger, and the system's own way back.
import type { Locator, Page } from "@playwright/test";
import { axeInThemes, expect, test } from "./support/fixture.ts";
import { composer } from "./support/page.ts";
import { longPress, swipeAcross } from "./support/touch.ts";

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

const row = (page: Page, text: string): Locator => page.getByRole("article").filter({ hasText: text });

test("a long press opens the menu of a message, and presses nothing in it", async ({ newcomer }) => {
  const alice = await newcomer("alice", PHONE);
  const club = await alice.makeServer("Book club");
  // So many that the sheet comes up below the finger.
  for (let number = 1; number <= 12; number += 1) await alice.say(club, `page ${number}`);
  const page = await alice.open(club);
  const menu = page.getByRole("menu", { name: "Message" });
  await longPress(page, row(page, "page 12"), () => expect(menu).toBeVisible());
  await expect(menu).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Edit message" })).toHaveCount(0);
  await expect(page.locator(".reply-bar")).toHaveCount(0);
  await axeInThemes(page);
  await menu.getByRole("menuitem", { name: "Reply" }).tap();
  await expect(page.getByText(/^Reply to alice/)).toBeVisible();
});

test("the way back of the system leads from a channel to the lists, and closes what covers them", async ({ newcomer }) => {
  const alice = await newcomer("alice", PHONE);
  const club = await alice.makeServer("Book club");
  await alice.write("channel_create", { name: "tea", overrides: [] }, club.id);
  await alice.say(club, "hello");
  const page = await alice.open(club);
  const lists = page.getByRole("navigation", { name: "Channels" });
  const back = () => page.evaluate(() => history.back());

  await expect(lists).toBeHidden();

  // A sheet, and a panel.
  await longPress(page, row(page, "hello"), () => expect(page.getByRole("menu")).toBeVisible());
  await back();
  await expect(page.getByRole("menu")).toHaveCount(0);
  await page.getByRole("button", { name: "Members" }).tap();
  const panel = page.getByRole("complementary", { name: "Members" });
  await expect(panel).toBeVisible();
  await back();
  await expect(panel).toHaveCount(0);
  await expect(row(page, "hello")).toBeVisible();

  // A dialog in a sheet's place: what was closed by its own button is no entry any more.
  await page.getByRole("button", { name: "Members" }).tap();
  await panel.getByRole("button", { name: "Close" }).tap();
  await back();
  await expect(lists).toBeVisible();
  await lists.getByRole("button", { name: "tea" }).tap();
  await expect(page.getByRole("textbox", { name: "Message #tea" })).toBeVisible();
  await back();
  await expect(lists).toBeVisible();
  await expect(page).toHaveURL(/\/c\/\d+\/\d+$/);
  await expect(lists.getByRole("button", { name: "tea" })).toHaveAttribute("aria-current", "page");
  // From the lists one leaves.
  await back();
  await expect(page).toHaveURL("about:blank");
});

test("a finger swipes between panes, and answers by a row", async ({ newcomer }) => {
  const alice = await newcomer("alice", PHONE);
  const club = await alice.makeServer("Book club");
  await alice.say(club, "hello");
  const page = await alice.open(club);
  await swipeAcross(page, row(page, "hello"), "left");
  await expect(page.getByText(/^Reply to alice/)).toBeVisible();
  await expect(composer(page)).toBeFocused();
  await composer(page).fill("to you");
  await page.getByRole("button", { name: "Send" }).tap();
  await expect(row(page, "to you").locator(".reply-line")).toContainText("hello");
  // The keyboard stays.
  await expect(composer(page)).toBeFocused();
  await swipeAcross(page, page.locator(".timeline"), "right");
  await expect(page.getByRole("navigation", { name: "Channels" })).toBeVisible();
  await swipeAcross(page, page.locator(".list-channels"), "left");
  await expect(composer(page)).toBeVisible();
});

test("what a finger presses is large enough", async ({ newcomer }) => {
  const alice = await newcomer("alice", PHONE);
  const club = await alice.makeServer("Book club");
  await alice.say(club, "hello");
  const page = await alice.open(club);
  const small = () =>
    page.locator("button:visible, textarea:visible").evaluateAll((all) =>
      all.flatMap((one) => {
        const { width, height } = one.getBoundingClientRect();
        return one.closest(".row") === null && Math.min(width, height) < 43 ? [`${one.outerHTML.slice(0, 80)} ${width} ${height}`] : [];
      }),
    );
  expect(await small()).toEqual([]);
  await page.getByRole("button", { name: "Channels" }).tap();
  expect(await small()).toEqual([]);
});

test("the settings say what Enter does on a screen", async ({ newcomer }) => {
  const alice = await newcomer("alice", PHONE);
  const page = await alice.open(await alice.makeServer("Book club"));
  await page.getByRole("button", { name: "Channels" }).tap();
  await page.getByRole("button", { name: "Settings" }).tap();
  await page.getByRole("button", { name: "Writing and keys" }).tap();
  const enter = page.getByRole("switch", { name: "Enter makes a new line" });
  await expect(enter).toBeChecked();
  await expect(enter).toBeDisabled();
});
