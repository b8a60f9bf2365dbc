// Inviting people, and keeping order among them, as both sides see it.
import type { Page } from "@playwright/test";
import { PERMISSIONS } from "confab-client";
import { axeInThemes, expect, PASSWORD, test, type Person, type Server } from "./support/fixture.ts";
import { composer, openSwitcher } from "./support/page.ts";

/** The pages of a server, at its members. */
async function openPages(page: Page, server: Server): Promise<void> {
  await page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: server.name }).click();
  await page.getByRole("menuitem", { name: "Members" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Members" })).toBeVisible();
}

/** A role right above that of everyone. */
async function role(owner: Person, server: Server, name: string, permissions: number): Promise<string> {
  const { role } = await owner.write<{ role: { role_id: string } }>("role_create", { name, permissions }, server.id);
  return role.role_id;
}

test.describe("a link", () => {
  test("from the dialog brings a newcomer in, and the list says who came", async ({ alice, stranger }) => {
    const club = await alice.makeServer("Book club");
    const page = await alice.open(club);
    await alice.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    // The first channel of a new server says what comes next.
    await page.getByRole("button", { name: "Invite people with a link", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Invite people to Book club" });
    await expect(dialog.getByLabel("Send them this link")).toHaveValue(/\/i\/[\w-]+$/);
    await axeInThemes(page);
    await dialog.getByRole("button", { name: "Copy" }).click();
    await expect(dialog.getByRole("button", { name: "Copied" })).toBeVisible();
    const link = await page.evaluate(() => navigator.clipboard.readText());

    const dana = await stranger();
    await dana.page.goto(link);
    await expect(dana.page.getByText("Book club")).toBeVisible();
    await dana.page.getByLabel("Name").fill(`dana-${Date.now().toString(36)}`);
    await dana.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await dana.page.getByRole("button", { name: "Create account" }).click();
    await dana.page.getByRole("button", { name: "Join" }).click();
    await expect(composer(dana.page)).toBeVisible();

    await dialog.getByRole("button", { name: "All invites" }).click();
    await page.getByRole("button", { name: /^1: Who used it/ }).click();
    await expect(page.getByRole("dialog", { name: "Who used it" }).getByText(/^dana-/)).toBeVisible();
    await page.keyboard.press("Escape");
    const [, code = ""] = /\/i\/(.+)$/.exec(link) ?? [];
    await page.getByRole("button", { name: `Revoke ${code}` }).click();
    await page.getByRole("dialog", { name: "Revoke this invite?" }).getByRole("button", { name: "Revoke" }).click();
    await expect(page.getByRole("row").filter({ hasText: code })).toContainText("Revoked");
    await axeInThemes(page);
  });

  test("that is the same is not made twice, and another one is where the terms change", async ({ alice }) => {
    const club = await alice.makeServer("Book club");
    const page = await alice.open(club);
    await page.getByRole("button", { name: "Invite people with a link", exact: true }).click();
    const link = page.getByLabel("Send them this link");
    await expect(link).toHaveValue(/\/i\//);
    const first = await link.inputValue();
    await page.getByLabel("How many can use it").selectOption("5 people");
    await expect(link).not.toHaveValue(first);
    await expect(link).toHaveValue(/\/i\//);
    await page.getByLabel("How many can use it").selectOption("Any number");
    await expect(link).toHaveValue(first);
  });
});

test("what a new server waits for is dismissed for good, on this device", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const page = await alice.open(club);
  await page.getByRole("button", { name: "Dismiss: Invite people with a link" }).click();
  await expect(page.getByRole("button", { name: "Invite people with a link", exact: true })).toHaveCount(0);
  await page.reload();
  await expect(page.getByText("This is the start of #general.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Invite people with a link", exact: true })).toHaveCount(0);
});

test("a server that everyone may find is found and joined", async ({ alice, bob }) => {
  const name = `Open house ${Date.now().toString(36)}`;
  const club = await alice.makeServer(name);
  await alice.write("server_update", { discoverable: true }, club.id);
  const { page } = bob;
  await page.goto("/");
  await page.getByRole("button", { name: "Find one" }).click();
  await expect(page.getByText(name)).toBeVisible();
  await axeInThemes(page);
  await page.getByRole("button", { name: `Join ${name}` }).click();
  await expect(composer(page)).toBeVisible();
});

test.describe("a member", () => {
  test("has a card, and is removed, banned and silenced as both sides see it", async ({ alice, bob, newcomer }) => {
    test.slow(); // Three browsers, and three views in four themes.
    const carl = await newcomer("carl");
    const club = await alice.makeServer("Book club", [bob, carl]);
    const page = await alice.open(club);
    await bob.open(club);
    await carl.open(club);
    const members = page.getByRole("complementary", { name: "Members" });

    await members.getByText(bob.name).click();
    const card = page.getByRole("dialog", { name: bob.name });
    await expect(card.getByText("Member since")).toBeVisible();
    await axeInThemes(page);
    await card.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Time out…" }).click();
    const silence = page.getByRole("dialog", { name: `Time out ${bob.name}` });
    await silence.getByLabel("For how long").selectOption("1 hour");
    await axeInThemes(page);
    await silence.getByRole("button", { name: "Time out", exact: true }).click();
    // Who did it sees that it is so, and until when.
    await expect(page.getByText(new RegExp(`^${bob.name} is timed out until`))).toBeVisible();
    await expect(page.getByRole("complementary", { name: "Members" }).getByRole("button", { name: /Timed out until/ })).toBeVisible();
    await expect(bob.page.getByText(/^You are timed out here until .*\d\d:\d\d/)).toBeVisible();
    await expect(composer(bob.page)).toBeHidden();

    await members.getByText(bob.name).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Time out…" }).click();
    await page.getByRole("button", { name: "Let them speak again" }).click();
    await expect(composer(bob.page)).toBeVisible();

    await members.getByText(bob.name).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Remove…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(bob.page.getByText("You were removed from Book club.")).toBeVisible();
    await expect(members.getByText(bob.name)).toHaveCount(0);

    await members.getByText(carl.name).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Ban…" }).click();
    const ban = page.getByRole("dialog");
    await ban.getByLabel("Reason, for the audit log").fill("spoils every book");
    await ban.getByRole("button", { name: "Ban", exact: true }).click();
    await expect(carl.page.getByText("You were banned from Book club.")).toBeVisible();

    await openPages(page, club);
    await page.getByRole("button", { name: "Bans" }).click();
    const row = page.getByRole("row").filter({ hasText: carl.name });
    await expect(row).toContainText("spoils every book");
    await axeInThemes(page);
    await row.getByRole("button", { name: /^Lift/ }).click();
    await page.getByRole("dialog", { name: /^Lift/ }).getByRole("button", { name: "Lift" }).click();
    await expect(page.getByText("Nobody is banned.")).toBeVisible();
  });

  test("is not offered what he may not do to one above him", async ({ alice, bob, newcomer }) => {
    const carl = await newcomer("carl");
    const club = await alice.makeServer("Book club", [bob, carl]);
    const moderator = await role(alice, club, "Moderator", PERMISSIONS.KICK_MEMBERS + PERMISSIONS.TIMEOUT_MEMBERS + PERMISSIONS.MANAGE_ROLES);
    await alice.write("user_roles_add", { user_id: bob.id, roles: [moderator] }, club.id);
    const page = await bob.open(club);
    const members = page.getByRole("complementary", { name: "Members" });
    await members.getByText(alice.name).click({ button: "right" });
    await expect(page.getByRole("menuitem", { name: "Copy id" })).toBeVisible();
    for (const deed of ["Remove…", "Time out…", "Ban…", "Roles…"]) await expect(page.getByRole("menuitem", { name: deed })).toHaveCount(0);
    await page.keyboard.press("Escape");
    await members.getByText(carl.name).click({ button: "right" });
    await expect(page.getByRole("menuitem", { name: "Remove…" })).toBeVisible();
    await expect(page.getByRole("menuitem", { name: "Ban…" })).toHaveCount(0);
  });

  test("is found by name and by role, is given a role and a nickname", async ({ alice, bob, newcomer }) => {
    const carl = await newcomer("carl");
    const club = await alice.makeServer("Book club", [bob, carl]);
    await role(alice, club, "Librarian", 0);
    const page = await alice.open(club);
    await openPages(page, club);
    await page.getByRole("button", { name: `What to do with ${bob.name}` }).click();
    await page.getByRole("menuitem", { name: "Roles…" }).click();
    await page.getByLabel("Librarian").check();
    await page.getByRole("dialog", { name: `Roles of ${bob.name}` }).getByRole("button", { name: "Save" }).click();
    const row = page.getByRole("row").filter({ hasText: bob.name });
    await expect(row).toContainText("Librarian");
    await row.getByRole("button", { name: /^What to do/ }).click();
    await page.getByRole("menuitem", { name: "Change the nickname…" }).click();
    await page.getByRole("textbox", { name: "Nickname" }).fill("Bobby Tables");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(row).toContainText("Bobby Tables");
    await axeInThemes(page);

    await page.getByLabel("Role").selectOption("Librarian");
    await expect(page.getByRole("row").filter({ hasText: carl.name })).toHaveCount(0);
    await page.getByLabel("Role").selectOption("All roles");
    await page.getByLabel("Name begins with").fill(carl.name);
    await expect(row).toHaveCount(0);
    await expect(page.getByRole("row").filter({ hasText: carl.name })).toBeVisible();
  });
});

test.describe("who moderates", () => {
  test("sees what was reported, settles it, and reads of it in the audit log", async ({ alice, bob, newcomer }) => {
    test.slow(); // Two browsers, and four views in four themes.
    const carl = await newcomer("carl");
    const club = await alice.makeServer("Book club", [bob, carl]);
    await carl.say(club, "buy my books");
    const other = await bob.open(club);
    const row = other.getByRole("log").getByRole("article").filter({ hasText: "buy my books" });
    await row.click({ button: "right" });
    await other.getByRole("menuitem", { name: "Report…" }).click();
    const dialog = other.getByRole("dialog", { name: "Report this message" });
    await dialog.getByLabel("Harasses, hates or threatens").check();
    await dialog.getByLabel("Anything else to add").fill("every day");
    await axeInThemes(other);
    await dialog.getByRole("button", { name: "Report", exact: true }).click();
    await expect(other.getByText(/^Reported\. The moderators of Book club/)).toBeVisible();

    const page = await alice.open(club);
    await page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: club.name }).click();
    const entry = page.getByRole("menuitem", { name: /^Reports/ });
    await expect(entry).toContainText("1");
    await entry.click();
    await page.getByRole("button", { name: "buy my books" }).click();
    await expect(page.getByText("every day")).toBeVisible();
    await axeInThemes(page);
    await page.getByLabel("Note").fill("advertising");
    await page.getByRole("button", { name: "Delete the message" }).click();
    await expect(page.getByText("There are no open reports.")).toBeVisible();
    await expect(row).toHaveCount(0);
    await page.getByRole("tab", { name: "Resolved" }).click();
    await page.getByRole("button", { name: "buy my books" }).click();
    await expect(page.getByText("Something was done about it")).toBeVisible();

    await page.getByRole("button", { name: "Audit log" }).click();
    await expect(page.getByRole("row").filter({ hasText: `${alice.name} resolved a report` })).toContainText("Reason: advertising");
    await expect(page.getByText(`${alice.name} deleted someone else's message`)).toBeVisible();
    await axeInThemes(page);
  });

  test("reads sentences in the audit log, by what was done and by whom", async ({ alice, bob }) => {
    const club = await alice.makeServer("Book club", [bob]);
    const maintainer = await role(alice, club, "Maintainer", 0);
    const user = bob.id;
    await alice.write("user_roles_add", { user_id: user, roles: [maintainer], reason: "knows the code" }, club.id);
    const others = [await role(alice, club, "Cook", 0), await role(alice, club, "Gardener", 0)];
    await alice.write("user_roles_add", { user_id: user, roles: others }, club.id);
    await alice.write("server_update", { name: "Reading club" }, club.id);
    await alice.write("user_timeout", { user_id: user, duration: 3600 }, club.id);
    const { channel } = await alice.write<{ channel: { channel_id: string } }>("channel_create", { name: "Talk", kind: "category" }, club.id);
    const override = { channel_id: channel.channel_id, kind: "role", target: maintainer };
    await alice.write("override_set", { ...override, allow: PERMISSIONS.VIEW_CHANNEL, deny: 0 }, club.id);
    await alice.write("override_set", { ...override, allow: 0, deny: PERMISSIONS.VIEW_CHANNEL }, club.id);
    const page = await alice.open({ ...club, name: "Reading club" });
    await openPages(page, { ...club, name: "Reading club" });
    await page.getByRole("button", { name: "Audit log" }).click();
    const given = page.getByRole("row").filter({ hasText: `${alice.name} gave ${bob.name} the role Maintainer` });
    await expect(given).toContainText("Reason: knows the code");
    await expect(page.getByText(`${alice.name} gave ${bob.name} the roles Cook and Gardener`)).toBeVisible();
    const changed = page.getByRole("row").filter({ hasText: `${alice.name} changed the server` });
    await expect(changed).toContainText("Book club");
    await expect(changed).toContainText("Reading club");
    await expect(page.getByText(`${alice.name} created the category Talk`)).toBeVisible();
    const overridden = page.getByRole("row").filter({ hasText: `${alice.name} changed the permissions of Maintainer in the category Talk` });
    await expect(overridden).toContainText([/See channels\s*allowed → denied/, /See channels\s*inherited → allowed/]);
    await page.getByRole("group", { name: "What" }).getByRole("button", { name: /^Member timed out/ }).click();
    await expect(given).toHaveCount(0);
    await expect(page.getByText(new RegExp(`^${alice.name} timed ${bob.name} out until`))).toBeVisible();
  });

  test("reads what was before what came after, whatever turns a text in it", async ({ alice }) => {
    const club = await alice.makeServer("Book club");
    await alice.write("server_update", { description: "\u202Ewas so" }, club.id);
    await alice.write("server_update", { description: "is so" }, club.id);
    const page = await alice.open(club);
    await openPages(page, club);
    await page.getByRole("button", { name: "Audit log" }).click();
    const change = page.locator(".differences dd").filter({ hasText: "is so" });
    await expect(change).toBeVisible();
    const [before, after] = [await change.locator("del").boundingBox(), await change.locator("ins").boundingBox()];
    expect((before?.x ?? NaN) + (before?.width ?? NaN)).toBeLessThanOrEqual(after?.x ?? NaN);
  });

  test("makes a rule that stops a word, and its author reads why", async ({ alice, bob }) => {
    const club = await alice.makeServer("Book club", [bob]);
    const page = await alice.open(club);
    await openPages(page, club);
    await page.getByRole("button", { name: "Automatic rules", exact: true }).click();
    await page.getByRole("button", { name: "New rule" }).click();
    const dialog = page.getByRole("dialog", { name: "New rule" });
    await dialog.getByLabel("Name", { exact: true }).fill("No spoilers");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog.getByText("Name at least one word")).toBeVisible();
    await dialog.getByLabel("Words, one in each line").fill("butler*");
    await axeInThemes(page);
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog).toHaveCount(0);
    await page.getByLabel("Text").fill("It was the Butlers");
    await page.getByRole("button", { name: "Try it" }).click();
    await expect(page.getByText(/^No spoilers finds “/)).toBeVisible();
    await axeInThemes(page);

    const other = await bob.open(club);
    await composer(other).fill("it was the butler");
    await composer(other).press("Enter");
    await expect(other.getByText("The rule “No spoilers” of this server does not allow this text.")).toBeVisible();
    await page.getByRole("switch", { name: "No spoilers is on" }).uncheck();
    await other.getByRole("button", { name: "Retry" }).click();
    await expect(other.getByRole("log").getByRole("article").filter({ hasText: "it was the butler" })).not.toHaveClass(/pending/);
  });

  test("locks the server down, and everyone sees it, and until when", async ({ alice, bob, newcomer }) => {
    const carl = await newcomer("carl");
    const club = await alice.makeServer("Book club", [bob]);
    await role(alice, club, "Speakers", 0);
    const { code } = await alice.write<{ code: string }>("invite_create", {}, club.id);
    const other = await bob.open(club);
    const page = await alice.open(club);
    await openPages(page, club);
    await page.getByRole("button", { name: "Safety" }).click();
    await page.getByLabel("Who can write").selectOption("Speakers, and who manages messages");
    await page.getByRole("button", { name: "Lock the server down" }).click();
    await expect(other.getByText(/nobody can join, and only members with the role Speakers can write\. Until .*\d\d:\d\d\.$/)).toBeVisible();
    await expect(other.getByText("The server is locked down: for now only some people can write here.")).toBeVisible();
    await axeInThemes(other);
    await axeInThemes(page);
    carl.expects(/403|Forbidden/);
    await carl.page.goto(`/i/${code}`);
    await carl.page.getByRole("button", { name: "Join" }).click();
    await expect(carl.page.getByText("This server is locked down for now.")).toBeVisible();
    await page.getByRole("button", { name: "End the lock-down" }).click();
    await expect(composer(other)).toBeVisible();
    await expect(other.getByText(/This server is locked down/)).toHaveCount(0);
  });
});

test.describe("who administers the deployment", () => {
  test.use({ empty: true });

  test("says who may come, and one link of his is enough; others are not offered it", async ({ stranger }) => {
    test.slow(); // Three browsers, and two views in four themes.
    const [anna, dana] = [await stranger(), await stranger()];
    const { page } = anna;
    await page.goto("/");
    await signUp(page, "anna");
    await page.getByLabel("Name of the server").fill("Book club");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await expect(composer(page)).toBeVisible();
    await (await openSwitcher(page)).fill("Administration");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Who can sign up" }).click();
    await page.getByLabel("Name of the deployment").fill("Reading House");
    await page.getByLabel("Only people with an invite").check();
    await axeInThemes(page);
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("button", { name: "Save" })).toHaveCount(0);
    await page.getByRole("button", { name: "Codes for accounts" }).click();
    await page.getByRole("button", { name: "New code" }).click();
    await expect(page.getByLabel("Send them this link")).toHaveValue(/\/i\//);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("row")).toHaveCount(2);
    await axeInThemes(page);
    await page.keyboard.press("Escape");

    await page.getByRole("button", { name: "Invite people with a link", exact: true }).click();
    await expect(page.getByText("This link is all they need: it lets them create an account here, too.")).toBeVisible();
    const link = page.getByLabel("Send them this link");
    await expect(link).toHaveValue(/\/i\//);
    await dana.page.goto(await link.inputValue());
    await signUp(dana.page, "dana");
    await dana.page.getByRole("button", { name: "Join" }).click();
    await expect(composer(dana.page)).toBeVisible();
    await (await openSwitcher(dana.page)).fill("Administration");
    await expect(dana.page.getByText("Nothing has this name.")).toBeVisible();
  });
});

async function signUp(page: Page, name: string): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
}
