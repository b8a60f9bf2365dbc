// What every channel shows, and what is seen before one: in all four themes, as axe judges it. Other views do the same in stories
// of their own.
import { axeInThemes, expect, test } from "./support/fixture.ts";

test("who is not signed in", async ({ stranger }) => {
  const { page } = await stranger();
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await axeInThemes(page);
});

test("who is in no server", async ({ alice: { page } }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Name a server" })).toBeVisible();
  await axeInThemes(page);
});

test("an invite", async ({ alice, bob: { page } }) => {
  const club = await alice.makeServer("Book club");
  const { code } = await alice.write<{ code: string }>("invite_create", {}, club.id);
  await page.goto(`/i/${code}`);
  await expect(page.getByRole("button", { name: "Join" })).toBeVisible();
  await axeInThemes(page);
});

test("a channel with all that can be written", async ({ alice, bob, newcomer }) => {
  test.setTimeout(240_000);
  const club = await alice.makeServer("Book club", [bob]);
  for (const text of [
    "# A heading\n> a quote\n- one\n  - two\n1. three",
    "```rust\npub fn add(one: u64, other: u64) -> u64 { one + other } // a comment that is longer than the screen of a phone\n```",
    "**strong** *emphasis* ~~gone~~ `code` ||hidden|| https://example.org/ and [https://good.example](https://evil.example)",
    `<@${alice.id}>, look: ${"W".repeat(200)}`,
    "🎉🎉",
  ]) {
    await bob.say(club, text);
  }
  const last = await bob.write<{ message_id: string }>("message_new", { channel_id: club.channel, content: "teh end" }, club.id);
  const there = { channel_id: club.channel, message_id: last.message_id };
  await bob.write("message_edit", { ...there, content: "the end" }, club.id);
  for (const emoji of ["👍", "🎉"]) await bob.write("message_react_add", { ...there, emoji }, club.id);
  const { page } = alice;
  await page.goto(`/c/${club.id}/${club.channel}`);
  const row = page.getByRole("article").filter({ hasText: "the end" });
  await row.hover();
  await expect(row.getByRole("toolbar")).toBeVisible();
  await expect(page.locator(".codeblock .hl-keyword").first()).toBeVisible();
  await axeInThemes(page);
  await row.click({ button: "right" });
  await expect(page.getByRole("menu", { name: "Message" })).toBeVisible();
  await axeInThemes(page);
  await page.keyboard.press("Escape");
  for (const look of ["bubbles", "density"]) {
    await page.evaluate((name) => (document.documentElement.dataset[name] = name === "density" ? "compact" : ""), look);
    await axeInThemes(page);
  }

  const phone = await newcomer("phone", { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
  const { code } = await alice.write<{ code: string }>("invite_create", {}, club.id);
  await phone.write("invite_redeem", { code });
  await phone.page.goto(`/c/${club.id}/${club.channel}`);
  await expect(phone.page.getByRole("article").filter({ hasText: "the end" })).toBeVisible();
  await axeInThemes(phone.page);
  // Reflow: nothing is wider than the screen.
  expect(await phone.page.evaluate(() => [document.documentElement, document.querySelector(".timeline")].map((one) => (one?.scrollWidth ?? 0) - (one?.clientWidth ?? 0)))).toEqual([0, 0]);
});
