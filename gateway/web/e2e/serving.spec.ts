// What a browser makes of what the gateway serves: the page, its policy, its cookie.
import { expect, PASSWORD, test } from "./support/fixture.ts";

test("every address shows the page, and the policy of the page holds", async ({ stranger }) => {
  const visitor = await stranger();
  const { page } = visitor;
  // There is no such invite, and the page says so.
  visitor.expects(/invite_preview/);
  for (const path of ["/", "/i/no-such-code", "/c/1/2"]) {
    const response = await page.goto(path);
    expect(response?.status()).toBe(200);
    expect(await page.title()).toContain("Confab");
    expect(response?.headers()["content-security-policy"]).toContain("require-trusted-types-for 'script'");
  }
  // What the page may not do is tried on purpose.
  visitor.expects(/Content Security Policy|Trusted/);
  const refused = await page.evaluate(() => {
    const tried: Record<string, boolean> = {};
    const attempt = (name: string, work: () => unknown): void => {
      try {
        tried[name] = Boolean(work());
      } catch {
        tried[name] = false;
      }
    };
    attempt("markup", () => {
      document.createElement("div").innerHTML = "<b>x</b>";
      return true;
    });
    attempt("code", () => {
      document.createElement("script").text = "1";
      return true;
    });
    const { trustedTypes } = window as unknown as { trustedTypes: { createPolicy(name: string, rules: object): unknown } };
    attempt("another policy", () => trustedTypes.createPolicy("mine", {}));
    return tried;
  });
  expect(refused).toEqual({ markup: false, code: false, "another policy": false });
  const elsewhere = await page.evaluate(() => fetch("https://example.invalid/").then(() => "sent", () => "refused"));
  expect(elsewhere).toBe("refused");
});

test("what has a hash in its name is kept, compressed, and asked for once", async ({ cluster, request }) => {
  const index = await request.get(`${cluster.origin}/`);
  const [, script = ""] = /src="(\/assets\/[^"]+\.js)"/.exec(await index.text()) ?? [];
  const response = await request.get(cluster.origin + script, { headers: { "Accept-Encoding": "br" } });
  expect(response.headers()).toMatchObject({
    "cache-control": "public, max-age=31536000, immutable",
    "content-encoding": "br",
  });
  const tag = index.headers()["etag"] ?? "";
  const again = await request.get(`${cluster.origin}/`, { headers: { "If-None-Match": tag } });
  expect(again.status()).toBe(304);
});

test("the token of a session is in a cookie that no script sees", async ({ alice, cluster }) => {
  const { context, page } = alice;
  await page.goto("/");
  const [cookie, ...others] = await context.cookies();
  expect(others).toEqual([]);
  expect(cookie).toMatchObject({ name: "confab-session", httpOnly: true, sameSite: "Strict", path: "/" });
  const token = cookie?.value ?? "";
  const seen = await page.evaluate(async () => {
    const kept = { ...localStorage, ...sessionStorage };
    return JSON.stringify([document.cookie, kept, await indexedDB.databases()]);
  });
  expect(seen).not.toContain(token);

  // The page's own socket opens the session without naming a token; that of another page does not.
  const opens = (): Promise<string> =>
    page.evaluate(async () => {
      const socket = new WebSocket(`ws://${location.host}/ws`, "confab.v1.json");
      return new Promise<string>((resolve) => {
        socket.onclose = ({ code }) => resolve(String(code));
        socket.onmessage = ({ data }) => {
          const { control } = JSON.parse(String(data)) as { control?: string };
          if (control === "hello") socket.send('{"control":"identify","body":{"token":""}}');
          if (control === "ready") resolve(control);
        };
      });
    });
  expect(await opens()).toBe("ready");
  alice.expects(/401|403|4503/);
  const elsewhere = await context.request.post("/api/v1/commands/sessions_list", {
    data: {},
    headers: { Origin: cluster.origin, "Sec-Fetch-Site": "cross-site" },
  });
  expect(elsewhere.status()).toBe(401);

  await alice.call("sessions_list");
  const out = await context.request.post("/api/session/logout", {
    data: { nonce: "out" },
    headers: { Origin: cluster.origin },
  });
  expect(out.status()).toBe(200);
  expect(await context.cookies()).toEqual([]);
  expect(await opens()).toBe("4503");
  const back = await page.evaluate(
    async ({ name, password }) => {
      const body = JSON.stringify({ nonce: "back", name, password });
      const response = await fetch("/api/session/login", { method: "POST", body });
      return response.text();
    },
    { name: alice.name, password: PASSWORD },
  );
  expect(JSON.parse(back)).toMatchObject({ token: "", user: { name: alice.name } });
  expect(await opens()).toBe("ready");
});
