// What Esc does when there is nothing left to close: it marks the channel as read.
import { onCleanup } from "solid-js";
import { registerCommand } from "./registry.ts";

let last: (() => void) | undefined;
registerCommand({ id: "read", title: "Mark the channel as read", icon: "check", keys: "Escape", hidden: true, run: () => last?.() });

export function onEscapeLast(run: () => void): void {
  last = run;
  onCleanup(() => {
    if (last === run) last = undefined;
  });
}
