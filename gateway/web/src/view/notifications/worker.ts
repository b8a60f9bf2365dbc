// What the page is to the service worker: it says where its reader is, and shows what a click on a notification leads to.
import { createEffect, createRoot, on } from "solid-js";
import { account } from "../../app/account.ts";
import { client } from "../../app/client.ts";
import { keepForWorker } from "../../app/for-worker.ts";
import { currentChannel } from "../../app/place.ts";
import { dropSubscription, keepSubscription, obstacle } from "../../app/push.ts";
import { go, read } from "../../app/route.ts";
import { leave } from "../../kit/unsaved.ts";
import { dropLayer, layer, pane, PHONE, showPane } from "../panel.ts";
import { lookForGone } from "./gone.ts";

/** What the worker says to a window, as `sw/push.ts` has it. */
type Told = { go: string } | { ask: "channel" };

/** Once in the page. */
export function serveWorker(): void {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (workers === undefined) return;
  workers.addEventListener("message", ({ data, ports }: MessageEvent<Told>) => {
    if ("go" in data) follow(data.go);
    else ports[0]?.postMessage(channelInView());
  });
  createRoot(() => {
    createEffect(() => void keepForWorker());
    createEffect(() => void closeRead(channelInView()));
  });
  addEventListener("focus", () => void closeRead(channelInView()));
  keepDevice();
}

/** Leads to a message; the page of a test is the one that is there. */
function follow(path: string): void {
  if (read(path).at !== "channel") return;
  leave(() => {
    dropLayer();
    go(path);
    showPane("channel");
  });
}

/** The channel that its reader looks at, as the worker names it. */
function channelInView(): string | null {
  const covered = layer() !== undefined || (PHONE.matches && pane() !== "channel");
  const channel = currentChannel()?.channel_id;
  return covered || channel === undefined || !document.hasFocus() ? null : String(channel);
}

/** Who looks at a channel need not be told of it any more. */
async function closeRead(channel: string | null): Promise<void> {
  if (channel === null) return;
  const registration = await navigator.serviceWorker.getRegistration();
  const shown = await registration?.getNotifications({ tag: `channel-${channel}` });
  for (const notification of shown ?? []) notification.close();
}

/** The subscription of this browser is that of the account that is signed in, and ends with its session. */
function keepDevice(): void {
  if (obstacle() === "unsupported") return;
  // Where the push service cannot be reached, the next visit tries again.
  const quietly = (work: Promise<void>) => void work.catch(() => undefined);
  const connected = (state: string) => {
    // What is wrong with this device is put right before it is looked which are told no more.
    if (state === "open") quietly(keepSubscription().catch(() => undefined).then(lookForGone));
    if (state === "signed_out") quietly(dropSubscription());
  };
  createRoot(() => createEffect(on(() => [account(), client.status.state] as const, ([, state]) => connected(state))));
}
