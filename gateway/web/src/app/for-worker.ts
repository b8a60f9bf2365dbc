// What the service worker is to know of this device. It reads no storage that the page sets its choices in, but caches.
import type { PushDeviceId, UserId } from "confab-client";
import { deviceName } from "./device.ts";
import { settings } from "./settings.ts";

/** A cache of its own, which no new version of the page drops (`sw/sw.ts`). */
const CACHE = "for-worker";

/** As `sw/push.ts` has it. */
type Kept = Partial<Record<"language" | "name" | "account" | "device", string>>;

/** How the worker is to speak; where the browser keeps nothing it speaks the language that the browser asks for. */
export function keepForWorker(): Promise<void> {
  const { language } = settings;
  return keep("/", { name: deviceName(), ...(language === "system" ? {} : { language }) });
}

/** Who is told here, on which of his devices; nobody where none is given: then the worker says nothing of what a push tells. */
export function keepWhoIsTold(account?: UserId, device?: PushDeviceId): Promise<void> {
  return keep("/device", account === undefined ? {} : { account: String(account), device: String(device) });
}

async function keep(path: string, kept: Kept): Promise<void> {
  // Over plain HTTP there are no caches, and no worker.
  if (!("caches" in globalThis)) return;
  const cache = await caches.open(CACHE).catch(() => undefined);
  await cache?.put(path, Response.json(kept)).catch(() => undefined);
}
