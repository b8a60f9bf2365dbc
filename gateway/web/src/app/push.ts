// Whether this device is told while no page is open: a subscription of the browser, of which the cluster knows.
import type { PushDevice, PushDeviceId } from "confab-client";
import { createSignal } from "solid-js";
import { account, forgetWithAccount } from "./account.ts";
import { client, state } from "./client.ts";
import { deviceName } from "./device.ts";
import { keepWhoIsTold } from "./for-worker.ts";
import { forgetKept, forgetOfAll, readKept, writeKept } from "./kept.ts";
import { keyOf } from "./push-key.ts";

const KEPT = "push";
/** What is put right by itself one tab does after the other: there is one subscription for all. */
const LOCK = "confab.push";

/** What the cluster knows of this device: which one it is, and the address that it subscribed. */
interface Here {
  device_id: PushDeviceId;
  endpoint: string;
}

const [here, setHere] = createSignal<Here>();
/** This device, where it is told. */
export { here };
forgetWithAccount(() => setHere(undefined));

/** What of the browser stands in the way. */
export function obstacle(): "unsupported" | "denied" | undefined {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return "unsupported";
  return Notification.permission === "denied" ? "denied" : undefined;
}

/** What a subscription needs: fetched before the click that subscribes, as browsers ask for permission in the click itself. */
export interface Ready {
  registration: ServiceWorkerRegistration;
  key: string;
}

/** Nothing where the page has no service worker, as one that is still being written. */
export async function prepare(): Promise<Ready | undefined> {
  const registration = await registered();
  return registration && { registration, key: (await client.call("push_get_vapid", 0, {})).key };
}

/** What is begun here is not put right meanwhile. */
let changing = 0;

async function change(work: () => Promise<void>): Promise<void> {
  changing += 1;
  try {
    await work();
  } finally {
    changing -= 1;
  }
}

/** Has this device told. The browser asks its owner for permission, where he did not give it before. */
export async function subscribe(ready: Ready): Promise<void> {
  await change(async () => {
    const { device_id, off } = await subscribeWith(ready);
    // Wherever it was switched off: now it is to be told.
    if (off) await client.call("push_device_set", 0, { device_id, off: false });
  });
}

async function subscribeWith({ registration, key }: Ready): Promise<PushDevice> {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const { pushManager } = registration;
  const subscription = await pushManager.subscribe(options).catch(async (error: unknown) => {
    // One that was made with another key has to end before.
    if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
    await end(registration);
    return pushManager.subscribe(options);
  });
  return tellCluster(subscription, key);
}

/** Has it told no more. */
export async function unsubscribe(): Promise<void> {
  const known = here();
  await end(await registered());
  await forget();
  if (known !== undefined) await client.call("push_unsubscribe", 0, { endpoint: known.endpoint });
}

/** Puts right what became of the subscription while the page was away: once an account is there. Nobody is asked for permission. */
export async function keepSubscription(): Promise<void> {
  await navigator.locks.request(LOCK, keep);
}

async function keep(): Promise<void> {
  const subscription = await (await registered())?.pushManager?.getSubscription();
  if (changing > 0) return;
  const user = account();
  const known = readKept<Here | undefined>(KEPT, user, undefined);
  // What there is belongs to who used this browser before.
  if (known === undefined) return dropSubscription();
  setHere(known);
  await keepWhoIsTold(user, known.device_id);
  // Its owner took the permission away, and the browser dropped the subscription.
  if (Notification.permission !== "granted") return unsubscribe();
  const ready = state.push === true ? await prepare() : undefined;
  if (ready === undefined) return;
  if (subscription == null || (keyOf(subscription) ?? ready.key) !== ready.key) await replace(known, ready);
  else if (subscription.endpoint !== known.endpoint) await tellCluster(subscription, ready.key);
}

/** The cluster tells this device no more: it subscribes once more, if its owner permits it still. Whether it did. */
export async function renew(): Promise<boolean> {
  return navigator.locks.request(LOCK, async () => {
    const known = here();
    if (known === undefined || changing > 0 || Notification.permission !== "granted") return false;
    const ready = await prepare();
    if (ready !== undefined) await replace(known, ready);
    return ready !== undefined;
  });
}

/** Subscribes in place of a subscription that is worth nothing any more. A device that was switched off stays so. */
async function replace(known: Here, ready: Ready): Promise<void> {
  await change(async () => {
    const { devices } = await client.call("push_devices_list", 0, {});
    const before = devices.find(({ device_id }) => device_id === known.device_id);
    await end(ready.registration);
    const { device_id } = await subscribeWith(ready);
    if (before?.off) await client.call("push_device_set", 0, { device_id, off: true });
    // Those that are gone went as this one came.
    if (before?.gone === false && here()?.endpoint !== known.endpoint) await client.call("push_unsubscribe", 0, { endpoint: known.endpoint });
  });
}

/** Nobody is signed in, or somebody else: the cluster forgot the device with its session, and so does the browser, with all that it shows. */
export async function dropSubscription(): Promise<void> {
  forgetOfAll(KEPT);
  setHere(undefined);
  await keepWhoIsTold();
  const registration = await registered();
  for (const notification of (await registration?.getNotifications()) ?? []) notification.close();
  await end(registration);
}

async function tellCluster(subscription: PushSubscription, key: string): Promise<PushDevice> {
  const { endpoint = "", keys = {} } = subscription.toJSON();
  const body = { endpoint, p256dh: keys["p256dh"] ?? "", auth: keys["auth"] ?? "", name: deviceName(), key };
  const user = account();
  const device = await client.call("push_subscribe", 0, body);
  // Whoever signed out meanwhile is told nowhere.
  if (account() !== user) return device;
  writeKept(KEPT, user, { device_id: device.device_id, endpoint });
  setHere({ device_id: device.device_id, endpoint });
  await keepWhoIsTold(user, device.device_id);
  return device;
}

async function forget(): Promise<void> {
  const user = account();
  if (user !== undefined) forgetKept(user, KEPT);
  setHere(undefined);
  await keepWhoIsTold();
}

const registered = async () => (navigator.serviceWorker as ServiceWorkerContainer | undefined)?.getRegistration();

async function end(registration: ServiceWorkerRegistration | undefined): Promise<void> {
  const subscription = await registration?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
}
