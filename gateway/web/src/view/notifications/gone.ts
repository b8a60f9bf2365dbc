// A device that is told no more cannot say so itself: its owner hears it on another one.
import type { PushDevice } from "confab-client";
import { account } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { readKept, writeKept } from "../../app/kept.ts";
import { here, renew } from "../../app/push.ts";
import { toast } from "../../kit/toast.tsx";
import { t } from "../../lang/index.ts";
import { openLayer } from "../panel.ts";
import { NEVER, newsOf, type Looked } from "./looked.ts";

const KEPT = "push-looked";
const EVERY = 24 * 60 * 60_000;

/** Looks once a day. This device subscribes once more where it is gone itself; of another one its owner hears once. */
export async function lookForGone(): Promise<void> {
  const user = account();
  const looked = readKept<Looked>(KEPT, user, NEVER);
  if (state.push !== true || now() - looked.at < EVERY) return;
  const { devices } = await client.call("push_devices_list", 0, {});
  const gone = devices.filter((device) => device.gone);
  writeKept(KEPT, user, { at: now(), gone: gone.map(({ device_id }) => device_id) } satisfies Looked);
  const isOwn = ({ device_id }: PushDevice) => device_id === here()?.device_id;
  for (const { name } of newsOf(gone.filter((device) => !isOwn(device)), looked)) tellOf(name || t("Unknown device"));
  if (gone.some(isOwn)) await renew();
}

function tellOf(device: string): void {
  const action = { label: () => t("Notifications"), run: () => openLayer("settings", "notifications") };
  // Nobody may be looking: it stays until somebody says that he saw it.
  toast({ text: () => t("{device} is told no more.", { device }), until: Infinity, action });
}
