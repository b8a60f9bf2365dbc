// What a browser has for a client: locks, tabs, a worker that ticks, and news of network and page.

import type { UserId } from "../codec.js";
import type { Client } from "../client.js";
import type { Lock, News, Tabs } from "../outbox/tabs.js";
import type { Ticker } from "../wire/pulse.js";

/** Of all tabs one holds it; another one takes over when that is closed, or crashes. */
export const webLock: Lock = (name, held) => {
  let release = () => {};
  const waiting = new AbortController();
  const free = new Promise<void>((resolve) => (release = resolve));
  const hold = () => {
    held();
    return free;
  };
  // Who gives up waiting is told so by a rejection.
  navigator.locks.request(name, { signal: waiting.signal }, hold).catch(() => {});
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

/** Who used this browser last: what is kept of that account can be shown before the gateway answers. */
export function lastUser(): UserId | null {
  const id = Number(localStorage.getItem(LAST));
  return id > 0 ? (id as UserId) : null;
}

/** Remembers who is here; nobody, once the account signed out. */
export function rememberUser(user: UserId | null): void {
  if (user === null) localStorage.removeItem(LAST);
  else localStorage.setItem(LAST, String(user));
}
