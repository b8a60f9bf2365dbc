// What stands where, and what can be told apart: measured in the page, not looked at.
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "./support/fixture.ts";

const row = (page: Page, text: string): Locator => page.getByRole("article").filter({ hasText: text });
const edges = (element: Locator): Promise<{ left: number; right: number; top: number; bottom: number }> =>
  element.evaluate((found) => {
    const { left, right, top, bottom } = found.getBoundingClientRect();
    return { left, right, top, bottom };
  });
const look = (page: Page, settings: Record<string, unknown>): Promise<void> =>
  page.evaluate((wanted) => localStorage.setItem("confab.settings", JSON.stringify(wanted)), settings);

for (const density of ["cosy", "compact"]) {
  test(`the bar of an own bubble never covers it, and where one writes ends where texts end: ${density}`, async ({ alice }) => {
    const club = await alice.makeServer("Book club");
    await alice.say(club, "word ".repeat(200));
    await alice.say(club, "yes");
    const { page } = alice;
    await page.setViewportSize({ width: 1920, height: 900 });
    await alice.open(club);
    await look(page, { density, bubbles: true });
    await page.reload();
    for (const text of ["word", "yes"]) {
      await row(page, text).hover();
      const [bar, bubble] = [await edges(row(page, text).getByRole("toolbar")), await edges(row(page, text).locator(".markdown"))];
      expect(bar.right <= bubble.left || bar.bottom <= bubble.top, `the bar of “${text}”`).toBe(true);
    }
    await look(page, { density });
    await page.reload();
    const [text, writing] = [await edges(row(page, "word").locator(".markdown")), await edges(page.locator(".composer"))];
    expect(Math.abs(text.right - writing.right)).toBeLessThan(2);
  });
}

test("an open inbox does not look like the place where one is", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  const page = await alice.open(club);
  const inbox = page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: "Inbox" });
  await inbox.click();
  await expect(inbox).toHaveAttribute("aria-pressed", "true");
  await page.mouse.move(900, 400);
  const tone = (element: Locator): Promise<string> => element.evaluate((found) => getComputedStyle(found).backgroundColor);
  const channel = page.locator(".list-row[aria-current]");
  await expect(channel).toHaveCount(1);
  expect(await tone(inbox)).not.toBe(await tone(channel));
});

test("what is chosen has a line where the system has a few colours, and the focus a stronger one", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  const page = await alice.open(club);
  await page.emulateMedia({ forcedColors: "active" });
  const line = (element: Locator): Promise<string> => element.evaluate((found) => getComputedStyle(found).outline);
  await page.getByRole("button", { name: "Settings" }).click();
  const look = page.getByRole("button", { name: "Look" });
  // A pointer gives no ring of the focus, and must not take the line.
  await look.click();
  await expect(look).toHaveAttribute("aria-current", "page");
  expect(await line(look)).toContain("solid 1px");
  // The focus went on to the page; it comes back by keys.
  await look.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await expect(look).toBeFocused();
  expect(await line(look)).toContain("solid 2px");
});

test("marks that pile up on a letter reach into no other text", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await alice.say(club, "above it");
  const { message_id } = await bob.write<{ message_id: string }>("message_new", { channel_id: club.channel, content: "Z" }, club.id);
  const page = await alice.open(club);
  const edit = (content: string): Promise<unknown> => bob.write("message_edit", { channel_id: club.channel, message_id, content }, club.id);
  await edit("Z.");
  await expect(row(page, "Z.").getByText("edited")).toBeVisible();
  const before = await row(page, "above it").screenshot();
  await edit(`Z${"\u0301".repeat(400)}!`);
  await expect(row(page, "!")).toBeVisible();
  expect((await row(page, "above it").screenshot()).equals(before)).toBe(true);
});

test("one row at a time shows what can be done with it", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  for (const text of ["one", "two"]) await alice.say(club, text);
  const page = await alice.open(club);
  await row(page, "one").click();
  await row(page, "two").hover();
  await expect(page.getByRole("log").getByRole("toolbar")).toHaveCount(1);
  await expect(row(page, "two").getByRole("toolbar")).toBeVisible();
  await page.mouse.move(700, 20);
  await expect(row(page, "one").getByRole("toolbar")).toBeVisible();
});

test("the members are a sheet where there is no room for a column: asked for, and closed by a press beside it", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  const page = await alice.open(club);
  const members = page.getByRole("complementary", { name: "Members" });
  await expect(members).toBeVisible();
  await page.setViewportSize({ width: 900, height: 800 });
  await expect(members).toHaveCount(0);
  await page.getByRole("button", { name: "Members", exact: true }).click();
  await expect(members).toBeFocused();
  for (const key of ["Shift+Tab", "Shift+Tab", "Tab", "Tab", "Tab"]) {
    await page.keyboard.press(key);
    await expect(page.locator(".shell-under:focus-within")).toHaveCount(0);
  }
  await page.mouse.click(450, 400);
  await expect(members).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Members", exact: true })).toBeFocused();
  await page.setViewportSize({ width: 1440, height: 800 });
  await expect(members).toBeVisible();
});

test("the bar that saves a change does not cover what was changed", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  const page = await alice.open(club);
  await page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: "Book club" }).click();
  await page.getByRole("menuitem", { name: "Server settings" }).click();
  await page.locator(".layer").getByRole("button", { name: "Roles", exact: true }).click();
  const last = page.getByRole("switch", { name: "Pin messages" });
  await last.evaluate((found) => found.scrollIntoView({ block: "end" }));
  await last.click();
  const [changed, bar] = [await edges(last), await edges(page.locator(".save-bar"))];
  expect(changed.bottom).toBeLessThan(bar.top);
});
