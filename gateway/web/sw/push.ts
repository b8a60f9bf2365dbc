// What is done with a push, with a click on what it showed, and when the browser takes a subscription away.
import { noticeOf, readPush, type Notice } from "./notice.ts";
import { sayIn, type Say } from "./words.ts";

/** What is read of a window of the page. */
export type PageWindow = Pick<WindowClient, "focused" | "visibilityState" | "focus" | "postMessage">;

/** What surrounds the worker: a test plays it. */
export interface Surroundings {
  registration: Pick<ServiceWorkerRegistration, "getNotifications" | "showNotification"> & { pushManager: Pick<PushManager, "subscribe"> };
  windows(): Promise<readonly PageWindow[]>;
  openWindow(path: string): Promise<unknown>;
  /** Asks a window which channel its reader looks at, if any. */
  ask(window: PageWindow): Promise<string | null>;
  /** What the page keeps for the worker. */
  kept(): Promise<Kept>;
  /** The languages that the browser asks for. */
  languages: readonly string[];
  /** Asks the cluster, as the account whose cookie the browser has. */
  call<Reply>(command: string, body: Record<string, unknown>): Promise<Reply>;
}

/** What a service worker cannot read where the page has it. */
export interface Kept {
  /** The language that somebody chose for this device; that of the browser where he chose none. */
  language?: string;
  /** What the list of devices calls this one. */
  name?: string;
}

/** What the worker says to a window. */
export type Told = { go: string } | { ask: "channel" };

/** The library of types does not know yet that one may say whether it sounds again. */
type Options = NotificationOptions & { renotify?: boolean };

/** Shows what a push tells of; nothing where its reader looks at that very channel. */
export async function tell(text: string, around: Surroundings): Promise<void> {
  const push = readPush(text);
  if (push?.kind === "message" && (await isLookedAt(push.channel_id, around))) return;
  const notice = noticeOf(push, await words(around));
  const shown = await around.registration.getNotifications({ tag: notice.tag });
  await around.registration.showNotification(notice.title, optionsOf(notice, shown));
}

function optionsOf({ body, tag, path, message }: Notice, shown: readonly Pick<Notification, "data">[]): Options {
  // A push service may deliver twice, and a worker that died sends again: that takes the place of the first, without a sound.
  const again = message !== null && shown.some(({ data }) => (data as Pick<Notice, "message"> | null)?.message === message);
  return { body, tag, icon: "/icon-192.png", data: { path, message }, renotify: !again, silent: again };
}

async function words({ kept, languages }: Surroundings): Promise<Say> {
  // Something has to be shown, whatever the device keeps.
  const { language } = await kept().catch((): Kept => ({}));
  return sayIn(language === undefined ? languages : [language]);
}

async function isLookedAt(channel: string, { windows, ask }: Surroundings): Promise<boolean> {
  const inFront = (await windows()).filter(({ focused, visibilityState }) => focused && visibilityState === "visible");
  return (await Promise.all(inFront.map(ask))).includes(channel);
}

/** Leads to what was told of: in a window that is there, or a new one. */
export async function follow(path: string, around: Pick<Surroundings, "windows" | "openWindow">): Promise<void> {
  const all = await around.windows();
  const best = all.find(({ focused }) => focused) ?? all.find(({ visibilityState }) => visibilityState === "visible") ?? all[0];
  // A window may be gone by now.
  const focused = await best?.focus().catch(() => undefined);
  if (best === undefined || focused === undefined) await around.openWindow(path);
  else best.postMessage({ go: path } satisfies Told);
}

/** The browser ended a subscription: the device is told by a new one. What fails is done by the page when it is opened next. */
export async function subscribeAgain(old: string | undefined, { call, kept, registration }: Surroundings): Promise<void> {
  const { key } = await call<{ key: string }>("push_get_vapid", {});
  const { endpoint, keys } = (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).toJSON();
  const { name = "Browser" } = await kept();
  await call("push_subscribe", { nonce: crypto.randomUUID(), endpoint, p256dh: keys?.["p256dh"], auth: keys?.["auth"], name, key });
  if (old !== undefined && old !== endpoint) await call("push_unsubscribe", { nonce: crypto.randomUUID(), endpoint: old });
}
