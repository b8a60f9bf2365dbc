// Two people, from the first account to a conversation; a phone; the keyboard alone; and what axe says of each view.
import { axeInThemes, expect, PASSWORD, test } from "./support/fixture.ts";

test.describe("a new deployment", () => {
  test.use({ empty: true });

  test("begins with the first account and a server, and others come by an invite", async ({ stranger }) => {
    // Three views in four themes.
    test.setTimeout(240_000);
    const ana = await stranger();
    await ana.page.goto("/");
    await expect(ana.page.getByRole("heading", { name: "Make the first account" })).toBeVisible();
    await axeInThemes(ana.page);
    await ana.page.getByLabel("Name").fill("ana");
    await ana.page.getByLabel("Password").fill(PASSWORD);
    await ana.page.getByRole("button", { name: "Create account" }).click();
    await ana.page.getByLabel("Name of the server").fill("Book club");
    await axeInThemes(ana.page);
    await ana.page.getByRole("button", { name: "Create", exact: true }).click();
    await expect(ana.page.getByRole("textbox", { name: "Message #general" })).toBeFocused();
    const server = /\/c\/(\d+)/.exec(ana.page.url())?.[1] ?? "";
    const { code } = await ana.call<{ code: string }>("invite_create", { nonce: "story-invite-1" }, server);

    const jo = await stranger();
    await jo.page.goto(`/i/${code}`);
    await expect(jo.page.getByText("Book club")).toBeVisible();
    await jo.page.getByLabel("Name").fill("jo");
    await jo.page.getByLabel("Password").fill(PASSWORD);
    await jo.page.getByRole("button", { name: "Create account" }).click();
    await jo.page.getByRole("button", { name: "Join", exact: true }).click();
    await jo.page.getByRole("textbox", { name: "Message #general" }).fill("Good **morning**");
    await jo.page.keyboard.press("Enter");

    const heard = ana.page.getByRole("article", { name: /^jo, Good/ });
    await expect(heard.locator("strong")).toHaveText("morning");
    await heard.hover();
    await heard.getByRole("button", { name: "Reply" }).click();
    await ana.page.keyboard.type("Slept well, @jo?");
    await ana.page.keyboard.press("Enter");
    const answer = jo.page.getByRole("article", { name: /^ana, Slept/ });
    await expect(answer.getByRole("button", { name: "@jo" })).toBeVisible();
    await expect(answer.getByText("Good morning")).toBeVisible();
    await axeInThemes(jo.page);
  });
});

test("a message is edited and shows what it said before", async ({ alice }) => {
  const server = await alice.makeServer("Book club");
  const { page } = alice;
  await page.goto(`/c/${server.id}/${server.channel}`);
  const field = page.getByRole("textbox", { name: /^Message #/ });
  await field.fill("teh end");
  await field.press("Enter");
  await expect(page.locator(".row:not(.pending)", { hasText: "teh end" })).toBeVisible();
  await field.press("ArrowUp");
  await page.getByRole("textbox", { name: "Edit message" }).fill("the end");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "(edited)" }).click();
  await expect(page.getByRole("dialog").getByText("teh end")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("what was written without a network is sent when it is back, once", async ({ alice }) => {
  const server = await alice.makeServer("Book club");
  const { context, page } = alice;
  alice.expects(/ERR_INTERNET_DISCONNECTED|WebSocket/);
  await page.goto(`/c/${server.id}/${server.channel}`);
  const field = page.getByRole("textbox", { name: /^Message #/ });
  await field.fill("before");
  await field.press("Enter");
  await expect(page.locator(".row:not(.pending)", { hasText: "before" })).toBeVisible();
  await context.setOffline(true);
  await field.fill("meanwhile");
  await field.press("Enter");
  await expect(page.getByRole("article", { name: /meanwhile/ })).toBeVisible();
  await context.setOffline(false);
  await expect(page.locator(".row:not(.pending)", { hasText: "meanwhile" })).toHaveCount(1);
});

test("a phone shows one pane at a time", async ({ newcomer }) => {
  const alice = await newcomer("alice", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const server = await alice.makeServer("Book club");
  const { page } = alice;
  await page.goto(`/c/${server.id}/${server.channel}`);
  await expect(page.getByRole("navigation", { name: "Channels" })).toBeHidden();
  await page.getByRole("button", { name: "Channels" }).click();
  await expect(page.getByRole("navigation", { name: "Channels" })).toBeVisible();
  await page.getByRole("button", { name: "general" }).click();
  await expect(page.getByRole("textbox", { name: "Message #general" })).toBeVisible();
  await axeInThemes(page);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(wider).toBe(false);
});

test("a keyboard is enough", async ({ alice }) => {
  const server = await alice.makeServer("Book club");
  const { page } = alice;
  await page.goto(`/c/${server.id}/${server.channel}`);
  await page.getByRole("textbox", { name: /^Message #/ }).fill("hello");
  await page.keyboard.press("Enter");
  const row = page.getByRole("article", { name: /hello/ });
  await expect(row).not.toHaveClass(/pending/);
  await page.keyboard.press("Control+Shift+F6");
  await expect(row).toBeFocused();
  await page.keyboard.press("Shift+F10");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("menuitem", { name: /Reply/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText(/^Reply to alice/)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByText(/^Reply to alice/)).toHaveCount(0);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Channel, server or command" })).toBeFocused();
  await page.keyboard.press("Escape");
});
