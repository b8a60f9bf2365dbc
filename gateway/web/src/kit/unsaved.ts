// What would be lost if the reader went on. A form says that it holds something; whoever leads away asks first.
import { onCleanup } from "solid-js";
import { t } from "../lang/index.ts";
import { ask } from "./dialog.tsx";

const holders = new Set<() => boolean>();
const held = () => [...holders].some((holds) => holds());

/** While the owner lives, and `holds` says so, nobody is led away unasked. */
export function guardUnsaved(holds: () => boolean): void {
  holders.add(holds);
  onCleanup(() => holders.delete(holds));
}

/** Goes on at once where nothing would be lost, of this or of all that is open, and asks otherwise. */
export function leave(go: () => void, holds: () => boolean = held): void {
  if (!holds()) return go();
  ask({
    title: t("Discard the changes?"),
    text: t("You have changes that are not saved."),
    action: t("Discard"),
    danger: true,
    run: go,
  });
}

globalThis.addEventListener?.("beforeunload", (event) => {
  if (held()) event.preventDefault();
});
