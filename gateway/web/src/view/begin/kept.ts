// Which first lines an account dismissed, by server: on this device.
import type { ServerId } from "confab-client";
import { createSignal } from "solid-js";
import { account } from "../../app/account.ts";
import { readKept, writeKept } from "../../app/kept.ts";

export type Line = "invite" | "channel";

const NAME = "dismissed";
const [changed, change] = createSignal(undefined, { equals: false });

export const isDismissed = (server: ServerId, line: Line): boolean => {
  changed();
  return stored()[server]?.includes(line) ?? false;
};

export function dismiss(server: ServerId, line: Line): void {
  const before = stored();
  writeKept(NAME, account(), { ...before, [server]: [...(before[server] ?? []), line] });
  change();
}

const stored = (): Record<number, Line[]> => readKept(NAME, account(), {});
