// Being told while no page is open. No push service can be reached in a test: the browser's subscription is stood in for, with keys
// that are real, and what the service would bring is brought by the browser's own tools.
import type { Locator, Page } from "@playwright/test";
import { axe, axeInThemes, expect, PASSWORD, test, type Person, type Server } from "./support/fixture.ts";
import type { Cluster } from "./support/cluster.ts";
import { composer } from "./support/page.ts";
import { deliver, inWorker, newSubscription, outdateKey, standInForPushService, subscribedAddress } from "./support/push.ts";

const HERE = "Show notifications";

async function openNotifications(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("dialog", { name: "Settings" }).getByRole("button", { name: "Notifications", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Notifications" })).toBeVisible();
}

/** Has this browser told, and stays in the settings. */
async function switchOn(page: Page): Promise<void> {
  await openNotifications(page);
  await page.getByRole("switch", { name: HERE }).check();
  await expect(devices(page)).toContainText("This device");
}

/** What the service worker shows. */
const shown = (page: Page) =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
  });

const devices = (page: Page): Locator => page.getByRole("region", { name: "Devices that are told" }).getByRole("listitem");

async function secondDevice(alice: Person, stranger: () => Promise<Person>): Promise<Page> {
  const other = await stranger();
  other.expects(/401/);
  await other.page.goto("/");
  await other.page.getByLabel("Name").fill(alice.name);
  await other.page.getByLabel("Password").fill(PASSWORD);
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await expect(other.page.locator("#composer")).toBeVisible();
  return other.page;
}

/** Opens what a channel, or a server, has in its menu. */
async function openLevels(page: Page, row: Locator): Promise<Locator> {
  await row.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Notifications…" }).click();
  return page.getByRole("dialog", { name: /^Notifications of/ });
}

const rowOf = (page: Page, name: string): Locator => page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: new RegExp(`^${name}(,|$)`) });

/** Somebody at a page that has just shown a notification. */
async function openTold(person: Person) {
  const club = await person.makeServer("Book club");
  const page = await person.open(club);
  await switchOn(page);
  await deliver(page, mention(club, "5", "lunch?"));
  await expect.poll(async () => (await shown(page)).map(({ body }) => body)).toEqual(["lunch?"]);
  return { page, club };
}

test("who switches it on has a device that is told, until it is removed", async ({ alice }) => {
  await standInForPushService(alice.context);
  const page = await alice.open(await alice.makeServer("Book club"));
  await switchOn(page);
  await expect(devices(page)).toHaveCount(1);
  await page.getByRole("button", { name: "Send a test" }).click();
  await expect(page.getByText("A test is on its way to 1 device.")).toBeVisible();
  await deliver(page, { kind: "test" });
  await expect.poll(() => shown(page)).toEqual([{ title: "Confab", body: "A test: notifications reach this device.", tag: "test" }]);
  await axeInThemes(page);
  await page.reload();
  await openNotifications(page);
  await expect(page.getByRole("switch", { name: HERE })).toBeChecked();
  await page.getByRole("button", { name: /^Remove / }).click();
  await expect(page.getByText("None yet.")).toBeVisible();
  await expect(page.getByRole("switch", { name: HERE })).not.toBeChecked();
});

test("who signs out leaves no device that is told, and nothing that was told", async ({ alice }) => {
  await standInForPushService(alice.context);
  const { page, club } = await openTold(alice);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Password")).toBeVisible();
  await expect.poll(() => subscribedAddress(page)).toBeUndefined();
  await expect.poll(() => shown(page)).toEqual([]);
  // One that was on its way says nothing of its content.
  await deliver(page, mention(club, "6", "or dinner?"));
  await expect.poll(() => shown(page)).toEqual([{ title: "Confab", body: "There is something new.", tag: "something" }]);
  await page.getByLabel("Name").fill(alice.name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.locator("#composer")).toBeVisible();
  await openNotifications(page);
  await expect(page.getByText("None yet.")).toBeVisible();
  await expect(page.getByRole("switch", { name: HERE })).not.toBeChecked();
});

test("what was told goes with a session that is ended elsewhere", async ({ alice }) => {
  await standInForPushService(alice.context);
  const { page } = await openTold(alice);
  alice.expects(/401/);
  const { sessions } = await alice.call<{ sessions: { session_id: string }[] }>("sessions_list");
  for (const { session_id } of sessions) await alice.write("session_revoke", { session_id });
  await expect(page.getByText("You were signed out.")).toBeVisible();
  await expect.poll(() => shown(page)).toEqual([]);
  await expect.poll(() => subscribedAddress(page)).toBeUndefined();
});

test("who subscribed with a key that was replaced is told by a new subscription", async ({ alice }) => {
  await standInForPushService(alice.context);
  const page = await alice.open(await alice.makeServer("Book club"));
  await switchOn(page);
  const before = await subscribedAddress(page);
  await page.reload();
  await openNotifications(page);
  await expect(devices(page)).toContainText("This device");
  expect(await subscribedAddress(page)).toBe(before);
  await outdateKey(page);
  await page.reload();
  await expect.poll(() => subscribedAddress(page)).not.toBe(before);
  await expect.poll(async () => (await listed(alice)).length).toBe(1);
  await openNotifications(page);
  await expect(devices(page)).toHaveCount(1);
  await expect(page.getByRole("switch", { name: HERE })).toBeChecked();
});

/** The devices of an account, as the cluster lists them. */
async function listed(person: Person): Promise<{ device_id: string; name: string; off: boolean }[]> {
  return (await person.call<{ devices: { device_id: string; name: string; off: boolean }[] }>("push_devices_list")).devices;
}

test("a device that is switched off on another one is told nothing, until it is switched on", async ({ alice, bob, stranger }) => {
  await standInForPushService(alice.context);
  const club = await alice.makeServer("Book club", [bob]);
  const page = await alice.open(club);
  await switchOn(page);
  const laptop = await secondDevice(alice, stranger);
  await openNotifications(laptop);
  const tell = laptop.getByRole("switch", { name: "Tell Chrome, Linux" });
  await tell.uncheck();
  await expect(tell).toBeFocused();
  await expect(laptop.getByRole("button", { name: "Send a test" })).toHaveCount(0);
  await bob.say(club, `<@${alice.id}> lunch?`);

  await page.keyboard.press("Escape");
  const why = async () => {
    await page.getByText(`@${alice.name} lunch?`, { exact: true }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Why was I told, or not?" }).click();
    return page.getByRole("dialog", { name: "Why was I told, or not?" });
  };
  const dialog = await why();
  await expect(dialog.getByText("You are not told: no device of yours is.")).toBeVisible();
  // It stays switched off where its browser subscribes once more.
  await outdateKey(page);
  const before = await subscribedAddress(page);
  await page.reload();
  await expect.poll(() => subscribedAddress(page)).not.toBe(before);
  await expect.poll(async () => (await listed(alice)).map(({ off }) => off)).toEqual([true]);
  await (await why()).getByRole("button", { name: "Change" }).click();
  await expect(page.getByRole("switch", { name: HERE })).not.toBeChecked();
  await page.getByRole("switch", { name: HERE }).check();
  await expect(page.getByRole("switch", { name: "Tell Chrome, Linux" })).toBeChecked();
  await page.keyboard.press("Escape");
  await expect((await why()).getByText("You are told: it mentions you.")).toBeVisible();
});

/** What the sender notes of a device that its push service does not know any more. */
const dropDevice = (cluster: Cluster, person: Person, device: string) =>
  cluster.sql(`INSERT INTO push_failures (account, device, since, gone) VALUES (${person.id}, ${device}, 0, true)`);

test("of a device that is told no more its owner hears on another one, once", async ({ alice, cluster }) => {
  const club = await alice.makeServer("Book club");
  const { endpoint, keys } = newSubscription();
  const { device_id } = await alice.write<{ device_id: string }>("push_subscribe", { endpoint, ...keys, name: "Old phone" });
  await dropDevice(cluster, alice, device_id);
  const page = await alice.open(club);
  await expect(page.getByText("Old phone is told no more.")).toBeVisible();
  await axe(page, "the toast");
  await page.locator(".toast").getByRole("button", { name: "Notifications" }).click();
  await expect(devices(page)).toContainText("Old phone");
  await expect(page.getByRole("switch", { name: "Tell Old phone" })).toHaveCount(0);
  await nextDay(page);
  await page.reload();
  await openNotifications(page);
  await expect(devices(page)).toContainText("Old phone");
  await expect(page.getByText("Old phone is told no more.")).toHaveCount(0);
  await page.getByRole("button", { name: "Remove Old phone" }).click();
  await expect(page.getByText("None yet.")).toBeVisible();
});

test("a device that is told no more subscribes once more by itself", async ({ alice, cluster }) => {
  await standInForPushService(alice.context);
  const page = await alice.open(await alice.makeServer("Book club"));
  await switchOn(page);
  const before = await subscribedAddress(page);
  const [own] = await listed(alice);
  await dropDevice(cluster, alice, own?.device_id ?? "");
  await nextDay(page);
  await page.reload();
  await expect.poll(() => subscribedAddress(page)).not.toBe(before);
  await openNotifications(page);
  await expect(devices(page)).toHaveCount(1);
  await expect(page.getByRole("switch", { name: HERE })).toBeChecked();
});

/** A day later: what this browser looked at is to be looked at again. */
const nextDay = (page: Page) =>
  page.evaluate(() => {
    for (const key of Object.keys(localStorage).filter((key) => key.startsWith("confab.push-looked."))) {
      localStorage.setItem(key, JSON.stringify({ ...(JSON.parse(localStorage.getItem(key) ?? "{}") as object), at: 0 }));
    }
  });

test("who did not permit it reads how to", async ({ alice }) => {
  await alice.context.addInitScript(() => Object.defineProperty(Notification, "permission", { get: () => "denied" }));
  const page = await alice.open(await alice.makeServer("Book club"));
  await openNotifications(page);
  await expect(page.getByText("You do not allow this page to notify you.")).toBeVisible();
  await expect(page.getByRole("switch", { name: HERE })).toHaveCount(0);
});

/** What tells alice of a message of bob's. */
function mention(club: Server, message: string, text: string) {
  const place = { server_id: club.id, channel_id: club.channel, message_id: message };
  return { kind: "message", reason: "mention", ...place, server: club.name, channel: "general", author: "bob", text };
}

test("a channel has one notification, and none while its reader looks at it", async ({ alice, bob }) => {
  await standInForPushService(alice.context);
  const club = await alice.makeServer("Book club", [bob]);
  const page = await alice.open(club);
  await switchOn(page);
  await page.keyboard.press("Escape");
  await expect(composer(page)).toBeVisible();
  await deliver(page, mention(club, "5", "not now"));
  await deliver(page, { kind: "test" });
  await expect.poll(async () => (await shown(page)).map(({ tag }) => tag)).toEqual(["test"]);
  await openNotifications(page);
  await deliver(page, mention(club, "6", "lunch?"));
  await deliver(page, mention(club, "7", "or dinner?"));
  const title = "bob mentions you in #general · Book club";
  await expect.poll(() => shown(page)).toContainEqual({ title, body: "or dinner?", tag: `channel-${club.channel}` });
  expect(await shown(page)).toHaveLength(2);
  await page.keyboard.press("Escape");
  await expect(composer(page)).toBeVisible();
  await expect.poll(async () => (await shown(page)).map(({ tag }) => tag)).toEqual(["test"]);
});

test("what a notification leads to is shown over whatever is open", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const page = await alice.open(club);
  const { message_id } = await bob.write<{ message_id: string }>("message_new", { channel_id: club.channel, content: "lunch?" }, club.id);
  await openNotifications(page);
  const path = `/c/${club.id}/${club.channel}/${message_id}`;
  await inWorker(page, async (go) => {
    const { clients } = self as unknown as { clients: { matchAll(which: object): Promise<Worker[]> } };
    for (const window of await clients.matchAll({ includeUncontrolled: true })) window.postMessage({ go });
  }, path);
  await expect(page.getByRole("dialog", { name: "Settings" })).toHaveCount(0);
  // Who was led to a message may go back to where he was.
  await expect(page.getByRole("button", { name: "Back", exact: true })).toBeVisible();
  await expect(page.getByText("lunch?", { exact: true })).toBeVisible();
});

test("the worker subscribes again where the browser ended the subscription", async ({ alice }) => {
  await standInForPushService(alice.context);
  const page = await alice.open(await alice.makeServer("Book club"));
  await switchOn(page);
  const [before] = await listed(alice);
  const endpoint = await subscribedAddress(page);
  await inWorker(page, ({ subscription, oldSubscription }) => {
    PushManager.prototype.subscribe = async () => ({ toJSON: () => subscription }) as unknown as PushSubscription;
    // That somebody waits for it only a browser may say.
    dispatchEvent(Object.assign(new Event("pushsubscriptionchange"), { oldSubscription, waitUntil: () => undefined }));
  }, { subscription: newSubscription(), oldSubscription: { endpoint } });
  await expect(async () => {
    const [now, ...rest] = await listed(alice);
    expect([now?.name, rest]).toEqual(["Chrome, Linux", []]);
    expect(now?.device_id).not.toBe(before?.device_id);
  }).toPass();
});

test("what somebody wants to be told of everywhere is the same on all devices", async ({ alice, stranger }) => {
  const page = await alice.open(await alice.makeServer("Book club"));
  await openNotifications(page);
  const keywords = page.getByRole("textbox", { name: "Keywords" });
  await keywords.fill("Lunch");
  await keywords.press("Enter");
  await keywords.fill("code review");
  await page.getByRole("switch", { name: "Quiet hours" }).check();
  await page.getByLabel("From").fill("21:30");
  await expect(page.getByRole("combobox", { name: "Time zone" })).toHaveValue("Europe/Berlin");
  await page.getByRole("switch", { name: "Without names and texts" }).check();
  await axeInThemes(page);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("button", { name: "Save" })).toHaveCount(0);

  const other = await secondDevice(alice, stranger);
  await openNotifications(other);
  await expect(other.getByRole("list", { name: "Keywords" }).getByRole("listitem")).toHaveText(["Lunch", "code review"]);
  await expect(other.getByLabel("From")).toHaveValue("21:30");
  await expect(other.getByRole("switch", { name: "Without names and texts" })).toBeChecked();
  await other.getByRole("radio", { name: "All messages" }).check();
  await other.getByRole("button", { name: "Remove Lunch" }).click();
  await other.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("radio", { name: "All messages" })).toBeChecked();
  await expect(page.getByRole("list", { name: "Keywords" }).getByRole("listitem")).toHaveText(["code review"]);
});

test("a channel that is muted shows nothing new but mentions, on all devices", async ({ alice, bob, stranger }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const { channel } = await alice.write<{ channel: { channel_id: string } }>("channel_create", { name: "quiet", kind: "text" }, club.id);
  const { channel_id } = channel;
  await alice.say(club, "the first", channel_id);
  const page = await alice.open(club);
  const other = await secondDevice(alice, stranger);
  await other.goto(`/c/${club.id}/${club.channel}`);
  const dialog = await openLevels(page, rowOf(page, "quiet"));
  await dialog.getByRole("radio", { name: "Nothing" }).check();
  await dialog.getByRole("combobox", { name: "Mute" }).selectOption("until I switch it back on");
  await axe(page, "the dialog");
  await dialog.getByRole("button", { name: "Save" }).click();
  for (const seen of [page, other]) await expect(rowOf(seen, "quiet")).toHaveAccessibleName("quiet, muted");
  await bob.say(club, "nobody hears this", channel_id);
  await bob.say(club, "everybody reads this");
  await expect(page.getByText("everybody reads this", { exact: true })).toBeVisible();
  for (const seen of [page, other]) await expect(rowOf(seen, "quiet")).toHaveAccessibleName("quiet, muted");
  await bob.say(club, `<@${alice.id}> lunch?`, channel_id);
  for (const seen of [page, other]) await expect(rowOf(seen, "quiet")).toHaveAccessibleName("quiet, 1 mention, muted");
  const again = await openLevels(other, rowOf(other, "quiet"));
  await expect(again.getByRole("radio", { name: "Nothing" })).toBeChecked();
  await again.getByRole("combobox", { name: "Mute" }).selectOption("not muted");
  await again.getByRole("button", { name: "Save" }).click();
  await expect(rowOf(page, "quiet")).toHaveAccessibleName("quiet, 1 mention");
});

test("why one is told or not is said in words, with a way to change it", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const { endpoint, keys } = newSubscription();
  await alice.write("push_subscribe", { endpoint, ...keys, name: "Phone" });
  const page = await alice.open(club);
  await bob.say(club, "lunch?");
  const ask = async () => {
    await page.getByText("lunch?", { exact: true }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Why was I told, or not?" }).click();
    return page.getByRole("dialog", { name: "Why was I told, or not?" });
  };
  const why = await ask();
  await expect(why.getByText("You are not told: nothing in it calls upon you.")).toBeVisible();
  await axeInThemes(page);
  await why.getByRole("button", { name: "Change" }).click();
  await page.getByRole("radio", { name: "All messages" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("button", { name: "Save" })).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect((await ask()).getByText("You are told: you want to be told of all messages here.")).toBeVisible();
});
