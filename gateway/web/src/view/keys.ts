// The keyboard map: one table of commands, one listener.
import { chord } from "../kit/chord.ts";
import { composing } from "../kit/composing.ts";
import { dialogIsOpen } from "../kit/dialog.tsx";
import { escape } from "../kit/escape.ts";
import { menuIsOpen } from "../kit/menu.tsx";
import { layer } from "./panel.ts";
import { allCommands } from "./registry.ts";

/** Whether somebody writes there. */
export const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Listens for the keys of all commands; once in the page. */
export function listenForKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || composing(event)) return;
    if (event.key === "Escape" && !event.shiftKey && escape()) return event.preventDefault();
    if (menuIsOpen() || dialogIsOpen() || layer() !== undefined) return;
    const pressed = chord(event);
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape";
    if (plain && isWriting(event.target)) return;
    const command = allCommands().find(({ keys, when }) => keys === pressed && (when?.() ?? true));
    if (command === undefined) return;
    event.preventDefault();
    command.run();
  });
}
