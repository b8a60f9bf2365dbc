// Which first lines somebody dismissed, by server: on this device.
import type { ServerId } from "confab-client";
import { createSignal } from "solid-js";

export type Line = "invite" | "channel";

const KEY = "confab.dismissed";
const [dismissed, setDismissed] = createSignal(stored());

export const isDismissed = (server: ServerId, line: Line): boolean => dismissed()[server]?.includes(line) ?? false;

export function dismiss(server: ServerId, line: Line): void {
  const before = stored();
  setDismissed({ ...before, [server]: [...(before[server] ?? []), line] });
  localStorage.setItem(KEY, JSON.stringify(dismissed()));
}

function stored(): Record<number, Line[]> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<number, Line[]>;
  } catch {
    return {};
  }
}
