// What is done with a push, with a click on what it showed, and when the browser takes a subscription away.
import { noticeOf, readPush, type Notice } from "./notice.ts";
import { sayIn } from "./words.ts";

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
  /** The account that is told here; none where nobody is, as since it signed out. */
  account?: string;
  /** Which of its devices this is. */
  device?: string;
}

/** What the worker says to a window. */
export type Told = { go: string } | { ask: "channel" };

/** The library of types does not know yet that one may say whether it sounds again. */
type Options = NotificationOptions & { renotify?: boolean };

const ICON = "/icon-192.png";

/** Shows what a push tells of; nothing where its reader looks at that very channel. */
export async function tell(text: string, around: Surroundings): Promise<void> {
  // Something has to be shown, whatever the device keeps.
  const kept = await around.kept().catch((): Kept => ({}));
  // What is on its way when an account signs out is for nobody who is here: then all that is said is that there is something.
  const push = kept.account === undefined ? null : readPush(text);
  if (push?.kind === "message" && (await isLookedAt(push.channel_id, around))) return;
  const notice = noticeOf(push, sayIn(kept.language === undefined ? around.languages : [kept.language]));
  const [shown] = await around.registration.getNotifications({ tag: notice.tag });
  await around.registration.showNotification(...(newerOf(notice, shown) ?? [notice.title, optionsOf(notice, shown)]));
}

type Shown = Pick<Notification, "title" | "body" | "data">;

function optionsOf({ body, tag, path, message }: Notice, shown: Shown | undefined): Options {
  // A push service may deliver twice, and a worker that died sends again: that takes the place of the first, without a sound.
  const again = message !== null && messageOf(shown) === message;
  return { body, tag, icon: ICON, data: { path, message }, renotify: !again, silent: again };
}

/**
 * What is shown of the channel, where that is a newer message: a push that is late does not take its place. It is shown once more,
 * without a sound, as a browser wants something shown for each push.
 */
function newerOf({ tag, message }: Notice, shown: Shown | undefined): [string, Options] | undefined {
  const known = messageOf(shown);
  // Ids rise with time.
  if (shown === undefined || known === null || message === null || BigInt(known) <= BigInt(message)) return undefined;
  return [shown.title, { body: shown.body, tag, icon: ICON, data: shown.data as unknown, renotify: false, silent: true }];
}

const messageOf = (shown: Shown | undefined) => (shown?.data as Pick<Notice, "message"> | null | undefined)?.message ?? null;

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

/** A device as the cluster lists it. */
interface Listed {
  device_id: string;
  /** Whether it is switched off. A worker that does not know that says nothing. */
  off?: boolean;
}

/**
 * The browser ended a subscription: the device is told by a new one, for the account that had it, and stays switched off where it
 * was. What fails is done by the page when it is opened next.
 */
export async function subscribeAgain(old: string | undefined, { call, kept, registration }: Surroundings): Promise<void> {
  const { account, device, name = "Browser" } = await kept();
  if (account === undefined) return;
  const write = <Reply>(command: string, body: Record<string, unknown>) => call<Reply>(command, { nonce: crypto.randomUUID(), ...body });
  const { key } = await call<{ key: string }>("push_get_vapid", {});
  const { devices } = await call<{ devices: Listed[] }>("push_devices_list", {});
  const { endpoint, keys } = (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).toJSON();
  const { device_id } = await write<Listed>("push_subscribe", { endpoint, p256dh: keys?.["p256dh"], auth: keys?.["auth"], name, key });
  if (devices.some((other) => other.device_id === device && other.off === true)) await write("push_device_set", { device_id, off: true });
  if (old !== undefined && old !== endpoint) await write("push_unsubscribe", { endpoint: old });
}
