// Every view, in all four themes, as axe judges it. A view adds itself here.
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
