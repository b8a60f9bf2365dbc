// The service worker: keeps the page itself, so that it opens at once and without a network, and shows what is pushed while no
// page is open. What people wrote is never in its cache. A new version waits until the reader asks for it.
import { follow, subscribeAgain, tell, type Kept, type PageWindow, type Surroundings, type Told } from "./push.ts";

/** Put in by the build: every file of the page that it needs to start, and a name for this set of them. */
declare const PRECACHE: readonly string[];
declare const VERSION: string;

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE = `page-${VERSION}`;
const PAGE = "/";
/** What the page keeps for the worker (`src/app/for-worker.ts`). */
const FOR_WORKER = "for-worker";
/** A window that does not say soon where its reader is has none who looks. */
const PATIENCE = 500;

worker.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([PAGE, ...PRECACHE])));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => worker.clients.claim()));
});

worker.addEventListener("message", (event) => {
  if (event.data === "take over") void worker.skipWaiting();
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) return;
  if (request.mode === "navigate" && !pathname.startsWith("/api/")) event.respondWith(kept(PAGE, request));
  else if (PRECACHE.includes(pathname)) event.respondWith(kept(pathname, request));
});

async function kept(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

async function dropOthers(): Promise<void> {
  for (const name of await caches.keys()) if (name !== CACHE && name !== FOR_WORKER) await caches.delete(name);
}

const around: Surroundings = {
  registration: worker.registration,
  windows: () => worker.clients.matchAll({ type: "window", includeUncontrolled: true }),
  openWindow: (path) => worker.clients.openWindow(path),
  ask,
  async kept() {
    const cache = await caches.open(FOR_WORKER);
    const found = await Promise.all(["/", "/device"].map((path) => cache.match(path)));
    const parts = await Promise.all(found.map(async (part) => (part === undefined ? {} : ((await part.json()) as Kept))));
    return Object.assign({}, ...parts) as Kept;
  },
  languages: worker.navigator.languages,
  async call(command, body) {
    const response = await fetch(`/api/v1/commands/${command}?scope=0`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${command}: ${response.status}`);
    return response.json();
  },
};

function ask(window: PageWindow): Promise<string | null> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<string | null>) => resolve(data);
    setTimeout(() => resolve(null), PATIENCE);
    window.postMessage({ ask: "channel" } satisfies Told, [port2]);
  });
}

/** One push behind the other: each looks at what the one before shows. */
let telling: Promise<void> = Promise.resolve();

worker.addEventListener("push", (event) => {
  const text = event.data?.text() ?? "";
  telling = telling.catch(() => undefined).then(() => tell(text, around));
  event.waitUntil(telling);
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { path } = event.notification.data as { path: string };
  event.waitUntil(follow(path, around));
});

worker.addEventListener("pushsubscriptionchange", (event) => {
  // The library of types does not know the event.
  const changed = event as ExtendableEvent & { oldSubscription?: PushSubscription | null };
  changed.waitUntil(subscribeAgain(changed.oldSubscription?.endpoint, around));
});
