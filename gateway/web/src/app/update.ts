// Installs the service worker, and offers a new version of the page when there is one. It never reloads by itself.
import { toast } from "../kit/toast.tsx";
import { t } from "../lang/index.ts";
import { script } from "../trusted.ts";

/** How often a page that stays open asks for a new version. */
const EVERY = 60 * 60_000;

export async function watchForUpdate(): Promise<void> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const workers = navigator.serviceWorker;
  const registration = await workers.register(script("/sw.js")).catch(() => undefined);
  if (registration === undefined) return;
  const found = () => {
    const next = registration.installing;
    next?.addEventListener("statechange", () => {
      if (next.state === "installed" && workers.controller !== null) offer(next);
    });
  };
  if (registration.waiting !== null && workers.controller !== null) offer(registration.waiting);
  registration.addEventListener("updatefound", found);
  setInterval(() => void registration.update().catch(() => undefined), EVERY);
}

function offer(next: ServiceWorker): void {
  const reload = () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    next.postMessage("take over");
  };
  toast({ text: () => t("A new version is ready."), until: Infinity, action: { label: t("Reload"), run: reload } });
}
