// What a browser has for a client: locks, tabs, a worker that ticks, and news of network and page.

import type { UserId } from "../codec.js";
import type { Client } from "../client.js";
import { OWN_LOCK, type Lock, type News, type Tabs } from "../outbox/tabs.js";
import type { Ticker } from "../wire/pulse.js";

/** Of all tabs one holds it; another one takes over when that is closed, or crashes. */
export const webLock: Lock = (name, held) => {
  // A page that came over plain HTTP has no locks: each tab sends then, with the same nonces.
  if (navigator.locks === undefined) return OWN_LOCK(name, held);
  let release = () => {};
  const waiting = new AbortController();
  const free = new Promise<void>((resolve) => (release = resolve));
  const hold = () => {
    held();
    return free;
  };
  // Who gives up waiting is told so by a rejection. A browser that refuses locks has none.
  navigator.locks.request(name, { signal: waiting.signal }, hold).catch(() => waiting.signal.aborted || held());
  return {
    release() {
      waiting.abort();
      release();
    },
  };
};

/** The other tabs of an account. */
export function otherTabs(user: UserId): Tabs {
  const name = `confab-${user}`;
  const voice = new BroadcastChannel(name);
  return {
    tell: (news) => voice.postMessage(news),
    listen(hear) {
      const ear = new BroadcastChannel(name);
      ear.onmessage = ({ data }: MessageEvent<News>) => hear(data);
      return () => {
        ear.close();
        voice.close();
      };
    },
  };
}

/** Ticks by a worker that runs `ticker-worker.js`: a hidden page's own timers would run once a minute. */
export function workerTicker(worker: Worker): Ticker {
  return (every, tick) => {
    worker.onmessage = () => tick();
    worker.postMessage(every);
    return () => {
      worker.onmessage = null;
      worker.postMessage(0);
    };
  };
}

/** Tells a client what the browser knows. What it returns ends that. */
export function followPlatform(client: Client): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const network = () => client.setOnline(navigator.onLine);
  const sight = () => {
    const seen = document.visibilityState === "visible";
    client.setSeen(seen);
    if (!seen) client.save();
  };
  addEventListener("online", network, { signal });
  addEventListener("offline", network, { signal });
  addEventListener("pagehide", () => client.save(), { signal });
  document.addEventListener("visibilitychange", sight, { signal });
  network();
  sight();
  return () => stop.abort();
}

const LAST = "confab-user";

/**
 * Another tab signed somebody in: the cookie is theirs, so this one goes on as they, rather than as whoever was here
 * until its connection breaks.
 */
export function followUser(client: Client): () => void {
  const stop = new AbortController();
  const changed = ({ key, newValue }: StorageEvent) => {
    if (key !== LAST || newValue === null) return;
    if (client.state.connection.state === "signed_out" || Number(newValue) !== client.state.me?.user_id) client.reconnect();
  };
  addEventListener("storage", changed, { signal: stop.signal });
  return () => stop.abort();
}

/** Who used this browser last: what is kept of that account can be shown before the gateway answers. */
export function lastUser(): UserId | null {
  try {
    const id = Number(localStorage.getItem(LAST));
    return id > 0 ? (id as UserId) : null;
  } catch {
    return null;
  }
}

/** Remembers who is here; nobody, once the account signed out. A storage that is full, or refused, costs what is shown first. */
export function rememberUser(user: UserId | null): void {
  try {
    if (user === null) localStorage.removeItem(LAST);
    else localStorage.setItem(LAST, String(user));
  } catch {
    // The cluster says who is here.
  }
}
