// Installs the service worker, and offers a new version of the page when there is one. It never reloads by itself.
import { createSignal } from "solid-js";
import { toast } from "../kit/toast.tsx";
import { t } from "../lang/index.ts";
import { script } from "../trusted.ts";

/** How often a page that stays open asks for a new version. */
const EVERY = 60 * 60_000;

export async function watchForUpdate(): Promise<void> {
  // A file of this build is gone: the gateway has another one.
  addEventListener("vite:preloadError", () => navigator.onLine && offer());
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const workers = navigator.serviceWorker;
  const registration = await workers.register(script("/sw.js")).catch(() => undefined);
  if (registration === undefined) return;
  const found = () => {
    const next = registration.installing;
    next?.addEventListener("statechange", () => {
      if (next.state === "installed" && workers.controller !== null) offer();
    });
  };
  if (registration.waiting !== null && workers.controller !== null) offer();
  registration.addEventListener("updatefound", found);
  setInterval(() => void registration.update().catch(() => undefined), EVERY);
}

const [isOffered, setOffered] = createSignal(false);
/** Whether there is a new version that the reader did not turn down: `view/shell/offer.tsx` says so. */
export { isOffered };

/** Who dismissed it is asked again when he misses something. */
const offer = () => setOffered(true);
export const dismissOffer = () => setOffered(false);

/** Does something with a part of the page that is fetched then; where its file is gone, that is told. */
export function withPart<Part>(load: () => Promise<Part>, use: (part: Part) => void): void {
  void load().then(use, () => (navigator.onLine ? offer() : toast(t("You are offline."))));
}

/** A worker that waits with the new version takes over first: the one before would show the old one again. */
export async function reload(): Promise<void> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  const registration = await workers?.getRegistration().catch(() => undefined);
  // A file is missed before the hour is over in which the page asks by itself.
  await registration?.update().catch(() => undefined);
  const next = registration?.waiting ?? registration?.installing;
  if (workers === undefined || next == null) return location.reload();
  workers.addEventListener("controllerchange", () => location.reload(), { once: true });
  const takeOver = () => {
    if (next.state === "installed") next.postMessage("take over");
    // It did not get all its files, as while gateways of two builds answer.
    else if (next.state === "redundant") location.reload();
  };
  next.addEventListener("statechange", takeOver);
  takeOver();
}
