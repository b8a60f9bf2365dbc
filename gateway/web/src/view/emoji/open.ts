// Opens the emoji picker, which is fetched then.
import { withPart } from "../../app/update.ts";
export function pickEmoji(at: HTMLElement | undefined, picked: (emoji: string) => void): void {
  const opener = at ?? (document.activeElement instanceof HTMLElement ? document.activeElement : document.body);
  withPart(() => import("./picker.tsx"), ({ openPicker }) => openPicker(opener, picked));
}
