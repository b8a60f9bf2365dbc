// A server is set up: channels and their order, roles, overrides, and why somebody may not do something.
import type { Locator, Page } from "@playwright/test";
import { PERMISSIONS } from "confab-client";
import { axeInThemes, expect, test, type Person, type Server } from "./support/fixture.ts";
import { composer } from "./support/page.ts";

const channels = (page: Page): Locator => page.getByRole("navigation", { name: "Channels" });
/** What the list shows, from the top: headings as they are, channels with a # before them. */
const order = (page: Page): Promise<string[]> =>
  channels(page)
    .locator("[data-channel]")
    .evaluateAll((rows) => rows.map((row) => (row.classList.contains("category") ? "" : "#") + (row.textContent ?? "").trim()));

/** Makes a channel by the API, as another device would. */
async function make(person: Person, server: Server, name: string, kind = "text", parent_id: string | null = null): Promise<string> {
  const { channel } = await person.write<{ channel: { channel_id: string } }>("channel_create", { name, kind, parent_id }, server.id);
  return channel.channel_id;
}

async function chooseFrom(page: Page, row: Locator, item: string): Promise<void> {
  await row.click({ button: "right" });
  await page.getByRole("menuitem", { name: item }).click();
}

test("a category and a channel in it are made, and others see them", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const [page, other] = [await alice.open(club), await bob.open(club)];
  await page.getByRole("button", { name: "Book club", exact: true }).last().click();
  await page.getByRole("menuitem", { name: "Create a category" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog.getByText("Enter a name.")).toBeVisible();
  await dialog.getByLabel("Name").fill("Meetings");
  await dialog.getByRole("button", { name: "Create" }).click();
  await channels(page).getByRole("button", { name: "Meetings", exact: true }).hover();
  await page.getByRole("button", { name: "Create a channel in Meetings" }).click();
  await axeInThemes(page);
  await dialog.getByLabel("Name").fill("standup");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "standup" })).toBeVisible();
  for (const where of [page, other]) await expect.poll(() => order(where)).toEqual(["#general", "Meetings", "#standup"]);
  await axeInThemes(page);

  // From the menu of the server, the category is chosen with it.
  await page.getByRole("button", { name: "Book club", exact: true }).last().click();
  await page.getByRole("menuitem", { name: "Create a channel", exact: true }).click();
  await dialog.getByLabel("Name").fill("retro");
  await dialog.getByLabel("Category", { exact: true }).last().selectOption("Meetings");
  await dialog.getByRole("button", { name: "Create" }).click();
  for (const where of [page, other]) await expect.poll(() => order(where)).toEqual(["#general", "Meetings", "#standup", "#retro"]);

  await chooseFrom(page, channels(page).getByRole("button", { name: "Meetings", exact: true }), "Delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  for (const where of [page, other]) await expect.poll(() => order(where)).toEqual(["#general", "#standup", "#retro"]);
  // Who only reads is not offered to change anything.
  await channels(other).getByRole("button", { name: "standup" }).click({ button: "right" });
  await expect(other.getByRole("menuitem", { name: "Delete" })).toHaveCount(0);
});

test("channels are moved by drag, keys and menu, and everybody sees one order", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const category = await make(alice, club, "Meetings", "category");
  await make(alice, club, "standup", "text", category);
  await make(alice, club, "ops");
  await make(alice, club, "Archive", "category");
  const [page, other] = [await alice.open(club), await bob.open(club)];
  const row = (name: string): Locator => channels(page).getByRole("button", { name, exact: true });
  // Who cannot fill a category does not see an empty one.
  const filled = (all: string[]): string[] => all.filter((name, at) => name.startsWith("#") || all[at + 1]?.startsWith("#"));
  const both = async (wanted: string[]): Promise<void> => {
    await expect.poll(() => order(page)).toEqual(wanted);
    await expect.poll(() => order(other)).toEqual(filled(wanted));
  };
  await both(["#general", "#ops", "Meetings", "#standup", "Archive"]);

  // By drag: into a category, in front of what is there.
  const [from, to] = [await row("ops").boundingBox(), await row("standup").boundingBox()];
  if (from === null || to === null) throw new Error("no such row");
  await page.mouse.move(from.x + 40, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + 40, to.y + 10, { steps: 8 });
  await expect(page.locator(".drop-line")).toBeVisible();
  await page.mouse.move(to.x + 40, to.y + 6);
  await page.mouse.up();
  await both(["#general", "Meetings", "#ops", "#standup", "Archive"]);
  await expect(page.getByRole("heading", { name: "general" })).toBeVisible();

  // A drag that Esc ends moves nothing.
  await row("ops").hover();
  await page.mouse.down();
  await page.mouse.move(to.x + 40, from.y - 20, { steps: 8 });
  await expect(page.locator(".drop-line")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator(".drop-line")).toHaveCount(0);
  await page.mouse.up();

  // By keys: the row keeps the focus, also into the next category.
  await row("ops").focus();
  await page.keyboard.press("Control+Shift+ArrowDown");
  await page.keyboard.press("Control+Shift+ArrowDown");
  await expect(row("ops")).toBeFocused();
  await both(["#general", "Meetings", "#standup", "Archive", "#ops"]);

  // By the menu, one step and to a place.
  await chooseFrom(page, row("Archive"), "Move up");
  await both(["#general", "Archive", "#ops", "Meetings", "#standup"]);
  await chooseFrom(page, row("ops"), "Move to…");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Category").selectOption("No category");
  await dialog.getByLabel("Place").selectOption("Before general");
  await axeInThemes(page);
  await dialog.getByRole("button", { name: "Move" }).click();
  await both(["#ops", "#general", "Archive", "Meetings", "#standup"]);
});

/** Opens a page of the settings of the server that is shown. */
async function settings(page: Page, name: string): Promise<Locator> {
  await channels(page).getByRole("banner").or(channels(page).locator("header")).getByRole("button").click();
  await page.getByRole("menuitem", { name: "Server settings" }).click();
  const layer = page.locator(".layer");
  await layer.getByRole("button", { name, exact: true }).click();
  // Who chose a page reads on there.
  await expect(layer.getByRole("heading", { name, exact: true })).toBeFocused();
  return layer;
}

/** It is named before it is there. */
async function createRole(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Create a role" }).click();
  const dialog = page.getByRole("dialog", { name: "Create a role" });
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await expect(dialog.getByText("Enter a name.")).toBeVisible();
  await dialog.getByLabel("Name").fill(name);
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
}

const save = (layer: Locator): Promise<void> => layer.getByRole("button", { name: "Save" }).click();

test("a role is made, coloured, put in order and given, and others see it", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const [page, other] = [await alice.open(club), await bob.open(club)];
  const layer = await settings(page, "Roles");
  await createRole(page, "Readers");
  await expect(layer.getByRole("heading", { name: "Readers" })).toBeVisible();
  await layer.getByRole("button", { name: "#d9534f" }).click();
  await layer.getByRole("switch", { name: "Own heading" }).check();
  await layer.getByRole("switch", { name: "Pin messages" }).check();
  await save(layer);
  await axeInThemes(page);

  await layer.getByRole("button", { name: "Give it to somebody" }).click();
  await layer.getByLabel("Give it to").fill(bob.name);
  await layer.getByRole("listbox", { name: "Found" }).getByRole("option", { name: bob.name }).click();
  await expect(layer.getByRole("list", { name: "Members" }).getByText(bob.name)).toBeVisible();
  const members = other.getByRole("complementary", { name: "Members" });
  await expect(members.getByRole("heading", { name: "Readers, 1" })).toBeVisible();
  await expect(members.locator(".author.coloured", { hasText: bob.name })).toBeVisible();

  // A second one is below the first, and goes above it by keys, and below it again by the menu.
  await createRole(page, "Writers");
  await expect(layer.getByRole("heading", { name: "Writers" })).toBeVisible();
  const roles = (): Promise<string[]> => layer.locator("[data-role]").allInnerTexts();
  await expect.poll(roles).toEqual(["Readers", "Writers", "@everyone"]);
  const row = layer.getByRole("list", { name: "Roles" }).getByRole("button", { name: "Writers", exact: true });
  await row.focus();
  await page.keyboard.press("Control+Shift+ArrowUp");
  await expect.poll(roles).toEqual(["Writers", "Readers", "@everyone"]);
  await expect(row).toBeFocused();
  await layer.getByRole("button", { name: "More about Writers" }).click();
  await page.getByRole("menuitem", { name: "Move down" }).click();
  await expect.poll(roles).toEqual(["Readers", "Writers", "@everyone"]);
  const [from, to] = [await row.boundingBox(), await layer.getByRole("button", { name: "Readers", exact: true }).boundingBox()];
  if (from === null || to === null) throw new Error("no such row");
  await page.mouse.move(from.x + 40, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + 40, to.y + 4, { steps: 6 });
  await expect(page.locator(".drop-line")).toBeVisible();
  await page.mouse.up();
  await expect.poll(roles).toEqual(["Writers", "Readers", "@everyone"]);

  // What is not saved is not lost unasked.
  await layer.getByRole("textbox", { name: "Name" }).fill("Scribes");
  await layer.getByRole("button", { name: "Readers", exact: true }).click();
  await page.getByRole("dialog").last().getByRole("button", { name: "Discard" }).click();
  await expect(layer.getByRole("heading", { name: "Readers" })).toBeVisible();
  await layer.getByRole("button", { name: `Take it from ${bob.name}` }).click();
  await expect(members.getByRole("heading", { name: "Readers, 1" })).toHaveCount(0);
});

test("members take the roles that are for everyone, and lay them down", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await alice.write("role_create", { name: "Green", self_assignable: true, category: "Colours" }, club.id);
  const page = await bob.open(club);
  const take = async (): Promise<Locator> => {
    await channels(page).locator("header").getByRole("button").click();
    await page.getByRole("menuitem", { name: "Roles for you" }).click();
    return page.getByRole("dialog").getByRole("switch", { name: "Green" });
  };
  await (await take()).check();
  await axeInThemes(page);
  await page.keyboard.press("Escape");
  const again = await take();
  await expect(again).toBeChecked();
  await again.uncheck();
  await expect(again).not.toBeChecked();
});

test("what a channel denies is shown at once, and why", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const [page, other] = [await alice.open(club), await bob.open(club)];
  await expect(composer(other)).toBeVisible();
  await chooseFrom(page, channels(page).getByRole("button", { name: "general" }), "Edit the channel");
  const layer = page.locator(".layer");
  const sending = layer.getByRole("radiogroup", { name: "Send messages" });
  await sending.getByText("Deny").click();
  await save(layer);
  await expect(layer.getByRole("button", { name: "Save" })).toHaveCount(0);
  await axeInThemes(page);

  await expect(other.getByText("You can read here, but not write.")).toBeVisible();
  await other.getByRole("button", { name: "Why?" }).click();
  const why = other.getByRole("dialog");
  await expect(why.getByText("Send messages: you may not.")).toBeVisible();
  await expect(why.getByRole("listitem")).toHaveText([/The role @everyone\s*allows/, /@everyone in #general\s*denies/]);
  // Who may not change it is not led there.
  await expect(why.getByRole("button", { name: "Change" })).toHaveCount(0);
  await axeInThemes(other);

  // For one member it is allowed again; what he may do is explained with a way to the switch.
  await layer.getByRole("button", { name: "Add" }).click();
  await page.getByRole("menuitem", { name: "A member…" }).click();
  await page.getByRole("dialog").last().getByRole("option", { name: bob.name }).click();
  await sending.getByText("Allow").click();
  await save(layer);
  await expect(composer(other)).toBeVisible();
  await layer.getByRole("button", { name: `What ${bob.name} can do here` }).click();
  const chain = page.getByRole("dialog").last();
  await expect(chain.getByText(`Send messages: ${bob.name} may.`)).toBeVisible();
  await chain.getByRole("listitem").filter({ hasText: "@everyone in #general" }).getByRole("button", { name: "Change" }).click();
  await expect(sending.getByRole("radio", { name: "Deny" })).toBeChecked();
  await layer.getByRole("button", { name: "Clear all of it" }).click();
  await expect(sending.getByRole("radio", { name: "Inherit" })).toBeChecked();
});

test("a page of settings says so when the right to it is withdrawn", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const { role } = await alice.write<{ role: { role_id: string } }>("role_create", { name: "Keepers", permissions: 64 + 8192 }, club.id);
  await alice.write("user_roles_add", { user_id: bob.id, roles: [role.role_id] }, club.id);
  const page = await bob.open(club);
  const layer = await settings(page, "Roles");
  await layer.getByRole("button", { name: "Keepers" }).click();
  await expect(layer.getByText("This role is as high as yours, or higher.")).toBeVisible();
  await alice.write("role_update", { role_id: role.role_id, permissions: 8192 }, club.id);
  await expect(layer.getByText("You can no longer see this page: your permissions were changed.")).toBeVisible();
  await layer.getByRole("button", { name: "Overview" }).click();
  await expect(layer.getByLabel("Description")).toBeVisible();
  await axeInThemes(page);
});

test("a server is described, and deleted by its name", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const [page, other] = [await alice.open(club), await bob.open(club)];
  const layer = await settings(page, "Overview");
  await layer.getByRole("textbox", { name: "Name" }).fill("Film club");
  await layer.getByLabel("Description").fill("Every other Tuesday.");
  await layer.getByLabel("Address of the icon").fill("nonsense");
  await save(layer);
  await expect(layer.getByText("This is not an address that begins with https://.")).toBeVisible();
  await layer.getByLabel("Address of the icon").fill("");
  await save(layer);
  await expect(channels(other).getByRole("heading", { name: "Film club" })).toBeVisible();

  await layer.getByRole("button", { name: "Hand the server over…" }).click();
  const dialog = page.getByRole("dialog").last();
  await dialog.getByRole("option", { name: bob.name }).click();
  await axeInThemes(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await layer.getByRole("button", { name: "Delete the server…" }).click();
  await dialog.getByLabel("Type “Film club” to continue").fill("Book club");
  await dialog.getByRole("button", { name: "Delete the server" }).click();
  await expect(dialog.getByText("This is not the name of the server.")).toBeVisible();
  await dialog.getByLabel("Type “Film club” to continue").fill("Film club");
  await dialog.getByRole("button", { name: "Delete the server" }).click();
  for (const where of [page, other]) await expect(where.getByRole("heading", { name: "Name a server" })).toBeVisible();
  await expect(layer).toHaveCount(0);
});

test("what may be done in a category is told of it by its name", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const talk = await make(alice, club, "Talk", "category");
  await alice.write("override_set", { channel_id: talk, kind: "member", target: bob.id, allow: 0, deny: PERMISSIONS.VIEW_CHANNEL }, club.id);
  const page = await alice.open(club);
  await chooseFrom(page, channels(page).getByRole("button", { name: "Talk", exact: true }), "Edit the category");
  const layer = page.locator(".layer");
  await layer.getByRole("button", { name: bob.name, exact: true }).click();
  await layer.getByRole("button", { name: `What ${bob.name} can do here` }).click();
  const why = page.getByRole("dialog", { name: `What ${bob.name} can do in Talk` });
  await expect(why.getByRole("listitem")).toHaveText([/The role @everyone\s*allows/, new RegExp(`${bob.name} in Talk\\s*denies`), /Nothing can be done/]);
});
