// The browser's side of web push, without a push service.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { BrowserContext, Page } from "@playwright/test";

/** The only push service that a cluster of tests knows; nobody has this name. */
const SERVICE = "push.invalid";

/** Push is on. */
export const PUSH = {
  CONFAB_PUSH_KEYS: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }).d ?? "",
  CONFAB_PUSH_CONTACT: `mailto:nobody@${SERVICE}`,
  CONFAB_PUSH_SERVICES: SERVICE,
};

/** Subscribes to nothing, with keys that are real; the permission is given. */
export async function standInForPushService(context: BrowserContext): Promise<void> {
  await context.grantPermissions(["notifications"]);
  await context.addInitScript((endpoint) => {
    const base64 = (bytes: ArrayBuffer | Uint8Array<ArrayBuffer>) =>
      btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const bytesOf = (text: string) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0)).buffer;
    const KEY = "push";
    const forget = async () => (localStorage.removeItem(KEY), true);
    const held = () => {
      const kept = localStorage.getItem(KEY);
      if (kept === null) return null;
      const told = JSON.parse(kept) as { endpoint: string; key: string };
      const options = { userVisibleOnly: true, applicationServerKey: bytesOf(told.key) };
      return { endpoint: told.endpoint, options, unsubscribe: forget, toJSON: () => told } as unknown as PushSubscription;
    };
    const subscribe = async ({ applicationServerKey: key }: PushSubscriptionOptionsInit = {}) => {
      const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
      const p256dh = base64(await crypto.subtle.exportKey("raw", pair.publicKey));
      const auth = base64(crypto.getRandomValues(new Uint8Array(16)));
      const address = endpoint + base64(crypto.getRandomValues(new Uint8Array(16)));
      localStorage.setItem(KEY, JSON.stringify({ endpoint: address, key, keys: { p256dh, auth } }));
      return held() as PushSubscription;
    };
    PushManager.prototype.subscribe = subscribe;
    PushManager.prototype.getSubscription = async () => held();
  }, `https://${SERVICE}/`);
}

/** What the stand-in subscribed, where it did: each subscription has an address of its own. */
export const subscribedAddress = (page: Page) =>
  page.evaluate(() => (JSON.parse(localStorage.getItem("push") ?? "null") as { endpoint: string } | null)?.endpoint);

/** Has what the stand-in subscribed be made with another key than the cluster has. */
export const outdateKey = (page: Page) =>
  page.evaluate(() => {
    const kept = JSON.parse(localStorage.getItem("push") ?? "{}") as object;
    localStorage.setItem("push", JSON.stringify({ ...kept, key: btoa("an old key") }));
  });

/** A subscription as a browser tells of it. */
export function newSubscription() {
  const { x = "", y = "" } = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  const [auth, name] = [randomBytes(16), randomBytes(16)].map((bytes) => bytes.toString("base64url"));
  return { endpoint: `https://${SERVICE}/${name}`, keys: { p256dh: point.toString("base64url"), auth: auth ?? "" } };
}

/** Does something in the service worker of a page. */
export async function inWorker<Given>(page: Page, run: (given: Given) => unknown, given: Given): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready);
  const [worker] = page.context().serviceWorkers();
  if (worker === undefined) throw new Error("the page has no service worker");
  await worker.evaluate(run as (given: unknown) => unknown, given);
}

/** Brings a push to the service worker of a page, as the browser does when a push service has one. */
export async function deliver(page: Page, push: unknown): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready);
  const session = await page.context().newCDPSession(page);
  const registered = new Promise<string>((resolve) => {
    session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const [registration] = registrations;
      if (registration !== undefined) resolve(registration.registrationId);
    });
  });
  await session.send("ServiceWorker.enable");
  const { origin } = new URL(page.url());
  await session.send("ServiceWorker.deliverPushMessage", { origin, registrationId: await registered, data: JSON.stringify(push) });
  await session.detach();
}
