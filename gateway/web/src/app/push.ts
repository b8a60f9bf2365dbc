// Whether this device is told while no page is open: a subscription of the browser, of which the cluster knows.
import type { PushDeviceId } from "confab-client";
import { createSignal } from "solid-js";
import { account, forgetWithAccount } from "./account.ts";
import { client } from "./client.ts";
import { deviceName } from "./device.ts";
import { forgetKept, readKept, writeKept } from "./kept.ts";

const KEPT = "push";

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

/** Has this device told. The browser asks its owner for permission, where he did not give it before. */
export async function subscribe(ready: Ready): Promise<void> {
  changing += 1;
  try {
    await subscribeWith(ready);
  } finally {
    changing -= 1;
  }
}

async function subscribeWith({ registration, key }: Ready): Promise<void> {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const { pushManager } = registration;
  const subscription = await pushManager.subscribe(options).catch(async (error: unknown) => {
    // One that was made with another key has to end before.
    if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
    await end(registration);
    return pushManager.subscribe(options);
  });
  await tellCluster(subscription, key);
}

/** Has it told no more. */
export async function unsubscribe(): Promise<void> {
  const known = here();
  await end(await registered());
  forget();
  if (known !== undefined) await client.call("push_unsubscribe", 0, { endpoint: known.endpoint });
}

/** Puts right what became of the subscription while the page was away: once an account is there. */
export async function keepSubscription(): Promise<void> {
  const registration = await registered();
  const subscription = await registration?.pushManager?.getSubscription();
  if (changing > 0) return;
  const known = readKept<Here | undefined>(KEPT, account(), undefined);
  // It is that of whoever used this browser before.
  if (known === undefined) return void (await subscription?.unsubscribe());
  setHere(known);
  if (subscription?.endpoint === known.endpoint) return;
  if (subscription) return tellCluster(subscription, null);
  // The browser dropped it: where its owner took the permission away, that is what he wants.
  if (Notification.permission !== "granted") return forget();
  const ready = await prepare();
  if (ready !== undefined) await subscribe(ready);
}

/** Nobody is signed in: the cluster forgot the device with its session, and so does the browser. */
export async function dropSubscription(): Promise<void> {
  await end(await registered());
}

async function tellCluster(subscription: PushSubscription, key: string | null): Promise<void> {
  const { endpoint = "", keys = {} } = subscription.toJSON();
  const body = { endpoint, p256dh: keys["p256dh"] ?? "", auth: keys["auth"] ?? "", name: deviceName(), key };
  const { device_id } = await client.call("push_subscribe", 0, body);
  writeKept(KEPT, account(), { device_id, endpoint });
  setHere({ device_id, endpoint });
}

function forget(): void {
  const user = account();
  if (user !== undefined) forgetKept(user, KEPT);
  setHere(undefined);
}

const registered = async () => (navigator.serviceWorker as ServiceWorkerContainer | undefined)?.getRegistration();

async function end(registration: ServiceWorkerRegistration | undefined): Promise<void> {
  const subscription = await registration?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
}
