import { describe, expect, it, vi } from "vitest";
import { noticeOf, readPush } from "./notice.ts";
import { follow, subscribeAgain, tell, type Kept, type PageWindow, type Surroundings } from "./push.ts";
import { GERMAN, sayIn, type Sentence } from "./words.ts";

const english = sayIn(["en"]);
const MENTION = {
  ...{ kind: "message", reason: "mention", server_id: "10", channel_id: "20", message_id: "30" },
  ...{ server: "HQ", channel: "ops", author: "Jo", text: "lunch?" },
};
const { server: _, channel: __, author: ___, text: ____, ...PRIVATE } = MENTION;

/** Somebody is told here. */
const TOLD = { account: "7", device: "70" };

/** A browser with these windows, and what it shows. */
function browser({ windows = [], looks = null, ...rest }: { windows?: PageWindow[]; looks?: string | null } & Partial<Surroundings> = {}) {
  const shown: { title: string; options: NotificationOptions & { renotify?: boolean } }[] = [];
  const showNotification = async (title: string, options: NotificationOptions = {}) => {
    const at = shown.findIndex((other) => other.options.tag === options.tag);
    shown.splice(at < 0 ? shown.length : at, 1, { title, options });
  };
  const getNotifications = async ({ tag }: { tag?: string } = {}) =>
    shown.filter(({ options }) => options.tag === tag).map(({ title, options }) => ({ title, ...options }) as Notification);
  const around: Surroundings = {
    registration: { showNotification, getNotifications, pushManager: { subscribe: vi.fn() } },
    windows: async () => windows,
    openWindow: vi.fn(async () => null),
    ask: async () => looks,
    kept: async () => TOLD,
    languages: ["en"],
    call: vi.fn(),
    ...rest,
  };
  return { around, shown };
}

function windowOf(rest: Partial<PageWindow> = {}): PageWindow {
  const window = { focused: true, visibilityState: "visible" as const, focus: vi.fn(async () => window as unknown as WindowClient), postMessage: vi.fn(), ...rest };
  return window;
}

describe("a push", () => {
  it("is a test, a message, or something", () => {
    expect(readPush('{"kind":"test"}')).toEqual({ kind: "test" });
    expect(readPush(JSON.stringify(MENTION))).toEqual(MENTION);
    expect(["", "no JSON", "null", "[]", '{"kind":"call"}'].map(readPush)).toEqual([null, null, null, null, null]);
  });

  it.each([{ reason: "constructor" }, { channel_id: "../admin" }, { message_id: "0" }, { text: 5 }])("that is no such message is something: %o", (wrong) => {
    expect(readPush(JSON.stringify({ ...MENTION, ...wrong }))).toBeNull();
  });
});

describe("a notification", () => {
  it("says who, where and what, and leads to the message", () => {
    expect(noticeOf(readPush(JSON.stringify(MENTION)), english)).toEqual({
      ...{ title: "Jo mentions you in #ops · HQ", body: "lunch?" },
      ...{ tag: "channel-20", message: "30", path: "/c/10/20/30" },
    });
  });

  it("says only that there is something where the account asks for privacy", () => {
    expect(noticeOf(readPush(JSON.stringify(PRIVATE)), english)).toMatchObject({ title: "Confab", body: "Somebody mentions you.", tag: "channel-20", path: "/c/10/20/30" });
    expect(noticeOf(null, english)).toMatchObject({ title: "Confab", body: "There is something new.", path: "/" });
  });

  it.each(["mention", "reply", "role", "keyword", "everyone", "all"])("has words for each reason: %s", (reason) => {
    for (const push of [MENTION, PRIVATE]) expect(noticeOf(readPush(JSON.stringify({ ...push, reason })), english).tag).toBe("channel-20");
  });

  it("speaks the language that was chosen here, else that of the browser", async () => {
    const { around, shown } = browser({ languages: ["fr", "de-AT", "en"] });
    await tell('{"kind":"test"}', around);
    await tell(JSON.stringify(PRIVATE), { ...around, kept: async () => ({ ...TOLD, language: "en" }) });
    expect(shown.map(({ options }) => options.body)).toEqual(["Ein Test: Benachrichtigungen erreichen dieses Gerät.", "Somebody mentions you."]);
  });

  it("says the same values in both languages", () => {
    const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
    for (const [text, german] of Object.entries(GERMAN)) expect(values(german), text).toEqual(values(text));
    expect(sayIn(["de"])("{author} in #{channel}" satisfies Sentence, { author: "{channel}", channel: "a" })).toBe("{channel} in #a");
  });
});

describe("what is told", () => {
  it("is one notification for each channel, and another message sounds again", async () => {
    const { around, shown } = browser();
    for (const message_id of ["30", "31"]) await tell(JSON.stringify({ ...MENTION, message_id, text: message_id }), around);
    await tell(JSON.stringify({ ...MENTION, channel_id: "21" }), around);
    expect(shown.map(({ options }) => [options.tag, options.body, options.renotify, options.silent])).toEqual([
      ["channel-20", "31", true, false],
      ["channel-21", "lunch?", true, false],
    ]);
  });

  it("is silent where the same message is told again", async () => {
    const { around, shown } = browser();
    for (const text of ["lunch?", "lunch? (edited)"]) await tell(JSON.stringify({ ...MENTION, text }), around);
    expect(shown).toHaveLength(1);
    expect(shown[0]?.options).toMatchObject({ body: "lunch? (edited)", renotify: false, silent: true });
  });

  it("leaves what is newer, and shows that once more without a sound", async () => {
    const { around, shown } = browser();
    // As numbers in a text they would stand the other way round.
    for (const message_id of ["100", "99"]) await tell(JSON.stringify({ ...MENTION, message_id, text: message_id }), around);
    expect(shown).toMatchObject([{ title: "Jo mentions you in #ops · HQ", options: { body: "100", data: { path: "/c/10/20/100", message: "100" }, renotify: false, silent: true } }]);
    await tell(JSON.stringify({ ...MENTION, message_id: "101", text: "101" }), around);
    expect(shown).toMatchObject([{ options: { body: "101", renotify: true, silent: false } }]);
  });

  it("is only that there is something where nobody is signed in, or nothing is kept", async () => {
    for (const kept of [async () => ({ language: "de" }), async () => Promise.reject(new Error("no storage"))]) {
      const { around, shown } = browser({ kept, windows: [windowOf()], looks: "20" });
      for (const push of [MENTION, PRIVATE, { kind: "test" }]) await tell(JSON.stringify(push), around);
      expect(shown.map(({ title, options: { tag, data } }) => [title, tag, (data as { path: string }).path])).toEqual([["Confab", "something", "/"]]);
      expect(shown[0]?.options.body).toMatch(/^(Es gibt etwas Neues|There is something new)\.$/);
    }
  });

  it("is nothing where its reader looks at that very channel", async () => {
    const told = async (looks: string | null, window: Partial<PageWindow>) => {
      const { around, shown } = browser({ windows: [windowOf(window)], looks });
      await tell(JSON.stringify(MENTION), around);
      return shown.length;
    };
    expect(await told("20", {})).toBe(0);
    expect(await told("21", {})).toBe(1);
    expect(await told(null, {})).toBe(1);
    expect(await told("20", { focused: false })).toBe(1);
    expect(await told("20", { visibilityState: "hidden" })).toBe(1);
  });
});

describe("a click", () => {
  it("leads there in the window that is in front", async () => {
    const [behind, front] = [windowOf({ focused: false }), windowOf()];
    const { around } = browser({ windows: [behind, front] });
    await follow("/c/10/20/30", around);
    expect(front.focus).toHaveBeenCalled();
    expect(front.postMessage).toHaveBeenCalledWith({ go: "/c/10/20/30" });
    expect(behind.postMessage).not.toHaveBeenCalled();
    expect(around.openWindow).not.toHaveBeenCalled();
  });

  it("opens a window where there is none, or none that can be shown", async () => {
    for (const windows of [[], [windowOf({ focus: async () => Promise.reject(new Error("gone")) })]]) {
      const { around } = browser({ windows });
      await follow("/c/10/20/30", around);
      expect(around.openWindow).toHaveBeenCalledWith("/c/10/20/30");
    }
  });
});

describe("a subscription that the browser ended", () => {
  const fresh = { toJSON: () => ({ endpoint: "https://push/new", keys: { p256dh: "p", auth: "a" } }) } as unknown as PushSubscription;
  /** What the cluster answers where these devices are known. */
  const cluster = (devices: unknown[]) =>
    vi.fn(async (command: string) => ({ push_get_vapid: { key: "vapid" }, push_devices_list: { devices }, push_subscribe: { device_id: "71" } })[command]) as Surroundings["call"];
  const again = async (call: Surroundings["call"], kept: Kept) => {
    const { around } = browser({ call, kept: async () => kept });
    vi.mocked(around.registration.pushManager.subscribe).mockResolvedValue(fresh);
    await subscribeAgain("https://push/old", around);
    return vi.mocked(call).mock.calls.filter(([name]) => name !== "push_devices_list");
  };
  const nonce = expect.any(String) as string;
  const subscribed = ["push_subscribe", { nonce, endpoint: "https://push/new", p256dh: "p", auth: "a", name: "Firefox on Linux", key: "vapid" }];
  const ended = ["push_unsubscribe", { nonce, endpoint: "https://push/old" }];

  it("is replaced, and the cluster told of both", async () => {
    const calls = await again(cluster([{ device_id: "70", off: false }, { device_id: "9", off: true }]), { ...TOLD, name: "Firefox on Linux" });
    expect(calls).toEqual([["push_get_vapid", {}], subscribed, ended]);
  });

  it("stays switched off where it was", async () => {
    const calls = await again(cluster([{ device_id: "70", off: true }]), { ...TOLD, name: "Firefox on Linux" });
    expect(calls).toEqual([["push_get_vapid", {}], subscribed, ["push_device_set", { nonce, device_id: "71", off: true }], ended]);
  });

  it("ends where nobody is signed in: the next one did not ask for it", async () => {
    expect(await again(cluster([]), { name: "Firefox on Linux" })).toEqual([]);
  });
});
