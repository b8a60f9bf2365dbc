// What the service worker is to know of this device. It reads no storage that the page sets its choices in, but caches.
import { deviceName } from "./device.ts";
import { settings } from "./settings.ts";

/** A cache of its own, which no new version of the page drops (`sw/sw.ts`). */
const CACHE = "for-worker";

/** Keeps it; where the browser keeps nothing the worker speaks the language that the browser asks for. */
export async function keepForWorker(): Promise<void> {
  const { language } = settings;
  const kept = { name: deviceName(), ...(language === "system" ? {} : { language }) };
  // Over plain HTTP there are no caches, and no worker.
  if (!("caches" in globalThis)) return;
  const cache = await caches.open(CACHE).catch(() => undefined);
  await cache?.put("/", Response.json(kept)).catch(() => undefined);
}
