// What people set: for this device, for the account, and how others see them.
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { axeInThemes, expect, PASSWORD, test } from "./support/fixture.ts";

const NEW_PASSWORD = "another horse battery";

async function openSettings(page: Page, name = "Account"): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("dialog", { name: "Settings" }).getByRole("button", { name, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}

const theme = (page: Page) => page.locator("html").getAttribute("data-theme");

test("how a device looks survives a reload, and another tab follows", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  const { page } = alice;
  await page.goto(`/c/${club.id}/${club.channel}`);
  const other = await alice.tab(`/c/${club.id}/${club.channel}`);
  await openSettings(page, "Look");
  await page.getByRole("radio", { name: "Light, high contrast" }).check();
  expect(await theme(page)).toBe("hc-light");
  await expect.poll(() => theme(other)).toBe("hc-light");
  await page.getByRole("switch", { name: "Bubbles" }).check();
  await page.getByRole("slider", { name: "Text size" }).press("End");
  await expect(page.getByText("20 px")).toBeVisible();
  await page.getByRole("radio", { name: "Compact" }).check();
  await page.reload();
  expect(await theme(page)).toBe("hc-light");
  await expect(page.locator("html")).toHaveAttribute("data-text-size", "20");
  await expect(page.locator("html")).toHaveAttribute("data-density", "compact");
  await expect(page.locator("html")).toHaveAttribute("data-bubbles");
});

test("the language is another one at once, and stays", async ({ alice }) => {
  await alice.makeServer("Book club");
  const { page } = alice;
  await page.goto("/");
  await openSettings(page, "Look");
  await page.getByRole("combobox", { name: "Language of the page" }).selectOption("Deutsch");
  await expect(page.getByRole("heading", { level: 1, name: "Aussehen" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await page.reload();
  await expect(page.getByRole("button", { name: "Einstellungen" })).toBeVisible();
});

test("who changes the password signs in with the new one", async ({ alice, stranger }) => {
  await alice.makeServer("Book club");
  const { page } = alice;
  await page.goto("/");
  await openSettings(page);
  await page.getByLabel("Current password").fill("not my password");
  await page.getByLabel("New password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("This is not your password.")).toBeVisible();
  await expect(page.getByLabel("Current password")).toBeFocused();
  await page.getByLabel("Current password").fill(PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("The password was changed.")).toBeVisible();
  await expect(page.getByLabel("New password")).toHaveValue("");

  const anew = await stranger();
  await anew.page.goto("/");
  anew.expects(/401/);
  await anew.page.getByLabel("Name").fill(alice.name);
  await anew.page.getByLabel("Password").fill(PASSWORD);
  await anew.page.getByRole("button", { name: "Sign in" }).click();
  await expect(anew.page.getByText("Name or password is wrong.")).toBeVisible();
  await anew.page.getByLabel("Password").fill(NEW_PASSWORD);
  await anew.page.getByRole("button", { name: "Show", exact: true }).click();
  await expect(anew.page.getByLabel("Password")).toHaveAttribute("type", "text");
  await anew.page.getByRole("button", { name: "Sign in" }).click();
  await expect(anew.page.getByRole("heading", { name: "Book club" })).toBeVisible();
});

test("a device that is revoked is signed out, and says so", async ({ alice, stranger }) => {
  await alice.makeServer("Book club");
  await alice.page.goto("/");
  const lost = await stranger();
  lost.expects(/401/);
  await lost.page.goto("/");
  await lost.page.getByLabel("Name").fill(alice.name);
  await lost.page.getByLabel("Password").fill(PASSWORD);
  await lost.page.getByRole("button", { name: "Sign in" }).click();
  await expect(lost.page.getByRole("heading", { name: "Book club" })).toBeVisible();

  await openSettings(alice.page, "Devices");
  await expect(alice.page.getByRole("region", { name: "This device" }).getByRole("listitem")).toHaveCount(1);
  const other = alice.page.getByRole("region", { name: "Other devices" }).getByRole("listitem");
  await expect(other).toHaveCount(1);
  await other.getByRole("button", { name: /^Sign out/ }).click();
  await expect(alice.page.getByText("You are not signed in anywhere else.")).toBeVisible();
  await expect(lost.page.getByText("You were signed out. Your drafts are kept.")).toBeVisible();
  await expect(lost.page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("a guest keeps the account, and what is theirs", async ({ alice, stranger }) => {
  const club = await alice.makeServer("Book club");
  const { code } = await alice.write<{ code: string }>("invite_create", {}, club.id);
  const guest = await stranger();
  await guest.page.goto("/");
  await guest.page.getByRole("button", { name: "Continue as a guest" }).click();
  await expect(guest.page.getByText("You are in none yet.")).toBeVisible();
  await guest.page.goto(`/i/${code}`);
  await guest.page.getByRole("button", { name: "Join", exact: true }).click();
  await openSettings(guest.page);
  const keep = guest.page.getByRole("region", { name: "Keep this account" });
  await keep.getByLabel("Name").fill(alice.name);
  await keep.getByLabel("Password").fill(PASSWORD);
  await keep.getByRole("button", { name: "Keep the account" }).click();
  await expect(keep.getByText("This name is already taken.")).toBeVisible();
  await expect(keep.getByLabel("Name")).toBeFocused();
  const name = `kept-${alice.name}`;
  await keep.getByLabel("Name").fill(name);
  await keep.getByRole("button", { name: "Keep the account" }).click();
  await expect(guest.page.getByText("The account is yours now.")).toBeVisible();
  await expect(keep).toHaveCount(0);
  await expect(guest.page.getByRole("region", { name: "Password" })).toBeVisible();
  await expect(guest.page.getByRole("region", { name: "Profile" }).getByLabel("Name")).toHaveValue(name);
});

test("what is kept of somebody is a file", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  await alice.say(club, "to be kept");
  const { page } = alice;
  await page.goto("/");
  await openSettings(page);
  await page.getByRole("button", { name: "Download my data" }).click();
  const button = page.getByRole("button", { name: "Download", exact: true });
  await expect(button).toBeVisible({ timeout: 30_000 });
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  expect(download.suggestedFilename()).toMatch(/^confab-alice.*\.jsonl$/);
  const lines = (await readFile(await download.path(), "utf8")).trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toContain("message");
  expect(lines.join("\n")).toContain("to be kept");
  // One a day: it is not offered again.
  await expect(page.getByRole("button", { name: "Download my data" })).toHaveCount(0);
});

test("an account is deleted by its name and its password", async ({ newcomer }) => {
  // Who signs up first administers the deployment, and cannot be deleted: that is neither of these, whichever test comes first.
  await newcomer("operator");
  const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
  await alice.makeServer("Book club", [bob]);
  await alice.page.goto("/");
  await openSettings(alice.page);
  await expect(alice.page.getByText("You own Book club. Hand it over or delete it before.")).toBeVisible();

  const { page } = bob;
  bob.expects(/401/);
  await page.goto("/");
  await openSettings(page);
  await page.getByRole("button", { name: "Delete the account…" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete the account?" });
  await dialog.getByLabel(/^Type/).fill("somebody else");
  await dialog.getByLabel("Password").fill("not my password");
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await expect(dialog.getByText("This is not your name.")).toBeVisible();
  await dialog.getByLabel(/^Type/).fill(bob.name);
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await expect(dialog.getByText("This is not your password.")).toBeVisible();
  await dialog.getByLabel("Password").fill(PASSWORD);
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expect(page.getByText("Your account was deleted.")).toBeVisible();
  await expect(page.getByText("You were signed out.")).toHaveCount(0);
  await page.getByLabel("Name").fill(bob.name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("Name or password is wrong.")).toBeVisible();
});

test("what is changed is kept until it is saved, and asked for before it is lost", async ({ alice }) => {
  await alice.makeServer("Book club");
  const { page } = alice;
  await page.goto("/");
  await openSettings(page);
  const about = page.getByLabel("About you");
  await about.fill("Reads a lot.");
  await expect(page.getByText("You have changes that are not saved.")).toBeVisible();
  await page.getByRole("button", { name: "Devices" }).click();
  await page.getByRole("dialog", { name: "Discard the changes?" }).getByRole("button", { name: "Cancel" }).click();
  await expect(about).toHaveValue("Reads a lot.");
  await page.getByRole("button", { name: "Reset" }).click();
  await expect(about).toHaveValue("");
  await about.fill("Reads more.");
  // From elsewhere: what was touched stays, what was not follows.
  await alice.write("account_update", { name: `${alice.name}-2` });
  await expect(page.getByRole("region", { name: "Profile" }).getByLabel("Name")).toHaveValue(`${alice.name}-2`);
  await expect(about).toHaveValue("Reads more.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("You have changes that are not saved.")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: "Settings" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Settings" })).toBeFocused();
  await openSettings(page);
  await expect(about).toHaveValue("Reads more.");
});

test("a status is seen by others, and ends", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await alice.page.goto(`/c/${club.id}/${club.channel}`);
  await bob.page.goto(`/c/${club.id}/${club.channel}`);
  const seen = bob.page.getByRole("complementary", { name: "Members" }).getByRole("button", { name: alice.name });
  await expect(seen.getByRole("img", { name: "Online" })).toBeVisible();

  await alice.page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: alice.name }).click();
  await alice.page.getByRole("menuitem", { name: "Set a status" }).click();
  const dialog = alice.page.getByRole("dialog", { name: "Set a status" });
  await dialog.getByRole("radio", { name: "Do not disturb" }).check();
  await dialog.getByLabel("In your words").fill("In a meeting");
  await dialog.getByRole("combobox", { name: "It ends" }).selectOption("in an hour");
  await axeInThemes(alice.page);
  // What Esc would throw away is asked for.
  await alice.page.keyboard.press("Escape");
  const question = alice.page.getByRole("dialog", { name: "Discard the changes?" });
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog.getByLabel("In your words")).toHaveValue("In a meeting");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(alice.page.getByRole("navigation", { name: "Channels" }).getByText("In a meeting")).toBeVisible();
  await expect(seen.getByRole("img", { name: "Do not disturb" })).toBeVisible();
  await expect(seen.getByText("In a meeting")).toBeVisible();

  // Who cancels means it, and where nothing was changed Esc asks nothing.
  const again = async () => {
    await alice.page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: alice.name }).click();
    await alice.page.getByRole("menuitem", { name: "Set a status" }).click();
  };
  await again();
  await dialog.getByLabel("In your words").fill("Away");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toHaveCount(0);
  await again();
  await expect(dialog.getByLabel("In your words")).toHaveValue("In a meeting");
  await alice.page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(question).toHaveCount(0);

  // Nobody has to see it before it ends.
  await alice.write("status_set", { status: "dnd", text: "Nearly done", until: Date.now() + 5_000 });
  await expect(seen.getByRole("img", { name: "Online" })).toBeVisible({ timeout: 30_000 });
  for (const text of ["In a meeting", "Nearly done"]) {
    await expect(seen.getByText(text)).toHaveCount(0);
    await expect(alice.page.getByRole("navigation", { name: "Channels" }).getByText(text)).toHaveCount(0);
  }
});

test("the tab says where one is and who calls", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await alice.page.goto(`/c/${club.id}/${club.channel}`);
  await expect(alice.page).toHaveTitle("#general · Book club · Confab");
  const other = await alice.write<{ channel: { channel_id: string } }>("channel_create", { name: "elsewhere", kind: "text" }, club.id);
  await bob.say(club, `<@${alice.id}> look`, other.channel.channel_id);
  await expect(alice.page).toHaveTitle("(1) #general · Book club · Confab");
});

test("every page of settings is for everybody", async ({ alice }) => {
  test.setTimeout(120_000);
  await alice.makeServer("Book club");
  await alice.page.goto("/");
  for (const name of ["Account", "Devices", "Look", "Writing and keys"]) {
    await openSettings(alice.page, name);
    await axeInThemes(alice.page);
    await alice.page.keyboard.press("Escape");
  }
  await alice.page.keyboard.press("Control+/");
  await axeInThemes(alice.page);
});
