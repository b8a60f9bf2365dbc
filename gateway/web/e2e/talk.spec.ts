// Two people, from the first account to a conversation.
import { axeInThemes, expect, PASSWORD, test } from "./support/fixture.ts";
import { composer } from "./support/page.ts";

test.describe("a new deployment", () => {
  test.use({ empty: true });

  test("begins with the first account and a server, and others come by an invite", async ({ stranger }) => {
    // Three views in four themes.
    test.setTimeout(240_000);
    const ana = await stranger();
    await ana.page.goto("/");
    await expect(ana.page.getByRole("heading", { name: "Create the first account" })).toBeVisible();
    await axeInThemes(ana.page);
    await ana.page.getByLabel("Name").fill("ana");
    await ana.page.getByLabel("Password").fill(PASSWORD);
    await ana.page.getByRole("button", { name: "Create account" }).click();
    await ana.page.getByLabel("Name of the server").fill("Book club");
    await axeInThemes(ana.page);
    await ana.page.getByRole("button", { name: "Create", exact: true }).click();
    await expect(ana.page.getByRole("textbox", { name: "Message #general" })).toBeFocused();
    const server = /\/c\/(\d+)/.exec(ana.page.url())?.[1] ?? "";
    // Nobody signs up here without an invite, and the one to the server is enough.
    await ana.call("signup_policy_set", { nonce: "story-policy-1", signup: "invite" });
    const { code } = await ana.call<{ code: string }>("invite_create", { nonce: "story-invite-1", max_uses: 1 }, server);

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

    // Whoever comes back is still who he was.
    await jo.page.reload();
    await expect(answer).toBeVisible();
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

test("who is named by typing is called upon, and nobody's name stays text", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const { page } = alice;
  await page.goto(`/c/${club.id}/${club.channel}`);
  // Without the list of members the page has not met bob.
  await page.getByRole("button", { name: "Close" }).click();
  await page.reload();
  await composer(page).fill(`ask @${bob.name}, not @nobody.here`);
  await page.getByRole("button", { name: "Send" }).click();
  const row = page.getByRole("article").filter({ hasText: "not @nobody.here" });
  await expect(row.getByRole("button", { name: `@${bob.name}` })).toBeVisible();
  await expect(row.getByRole("button", { name: "@nobody" })).toHaveCount(0);
  await bob.page.goto(`/c/${club.id}/${club.channel}`);
  await expect(bob.page.locator(".row.mentioned")).toHaveCount(1);
});

test("whom one means is suggested while one writes, and is taken by keys or by a click", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  await alice.write("channel_create", { name: "kitchen", kind: "text" }, club.id);
  const page = await alice.open(club);
  const field = page.locator("#composer");
  const options = page.getByRole("listbox", { name: "Suggestions" }).getByRole("option");
  await field.pressSequentially("see #");
  await expect(options).toHaveText(["#general", "#kitchen"]);
  await axeInThemes(page);
  // The list stands above what one writes in.
  const [list, form] = [await options.last().boundingBox(), await page.locator("form.composer").boundingBox()];
  expect((list?.y ?? Infinity) + (list?.height ?? 0)).toBeLessThan(form?.y ?? 0);
  await page.keyboard.press("ArrowUp");
  await expect(options.last()).toHaveAttribute("aria-selected", "true");
  await expect(field).toHaveAttribute("aria-activedescendant", (await options.last().getAttribute("id")) ?? "none");
  await page.keyboard.press("Tab");
  await expect(field).toHaveValue("see #kitchen ");
  await field.pressSequentially(`and @${bob.name.slice(0, 3)}`);
  await options.filter({ hasText: bob.name }).click();
  await expect(field).toHaveValue(`see #kitchen and @${bob.name} `);
  await expect(field).toBeFocused();
  // Esc ends the list and nothing else; who wrote the whole name sends it.
  await field.pressSequentially("#gen");
  await expect(options).toHaveText(["#general"]);
  await page.keyboard.press("Escape");
  await expect(options).toHaveCount(0);
  await field.pressSequentially("eral");
  await expect(options).toHaveText(["#general"]);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("article").filter({ hasText: `see #kitchen and @${bob.name} #general` })).toBeVisible();
});

test("a code of an emoji becomes one as it is closed, and as it is sent", async ({ alice, bob }) => {
  const club = await alice.makeServer("Book club", [bob]);
  const page = await alice.open(club);
  const field = composer(page);
  await field.pressSequentially("done :tada:");
  await expect(field).toHaveValue("done 🎉");
  // Pasted, and sent at once.
  await field.fill("done :tada: and `:tada:` at 10:30:45");
  await field.press("Enter");
  const seen = (await bob.open(club)).getByRole("article", { name: /^alice\S*, done/ });
  await expect(seen).toContainText("done 🎉 and :tada: at 10:30:45");
});

test("emoji are found by their groups, and what was used last is at hand", async ({ alice }) => {
  const club = await alice.makeServer("Book club");
  await alice.say(club, "lunch?");
  const page = await alice.open(club);
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  const picker = page.getByRole("dialog", { name: "Emoji" });
  await picker.getByRole("button", { name: "Food and drink" }).click();
  await picker.getByRole("gridcell", { name: "watermelon" }).click();
  await expect(composer(page)).toHaveValue("🍉");
  const row = page.getByRole("article", { name: /lunch/ });
  await row.hover();
  await row.getByRole("button", { name: "React with 🍉" }).click();
  await expect(row.getByRole("button", { name: /^🍉/ })).toHaveAttribute("aria-pressed", "true");
});
