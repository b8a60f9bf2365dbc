// A client in a browser: the cookie opens its session, IndexedDB keeps what must survive, and one tab sends.

import { createClient, type Client } from "../client.js";
import { type ClientOptions } from "../options.js";
import { followPlatform, followUser, lastUser, otherTabs, rememberUser, webLock, workerTicker } from "./platform.js";
import { openStorage } from "./storage.js";

export { followPlatform, followUser, lastUser, openStorage, otherTabs, rememberUser, webLock, workerTicker };

export interface BrowserOptions extends Pick<ClientOptions, "state" | "mutate" | "schedule"> {
  /** A worker that runs `confab-client/ticker-worker`. */
  worker?: Worker;
}

/** Makes a client that uses what a browser has, shows what is kept of the last account, and connects. */
export function openClient({ worker, ...options }: BrowserOptions = {}): Client {
  const client = createClient({
    url: location.origin,
    cookie: true,
    storage: openStorage,
    lock: webLock,
    tabs: otherTabs,
    ...options,
    ...(worker && { ticker: workerTicker(worker) }),
  });
  client.on("connection", ({ state }) => {
    const me = client.state.me?.user_id;
    if (state === "open" && me !== undefined) rememberUser(me);
    if (state === "signed_out") rememberUser(null);
  });
  followPlatform(client);
  followUser(client);
  client.connect();
  const user = lastUser();
  if (user !== null) client.restore(user).catch(() => {});
  return client;
}
