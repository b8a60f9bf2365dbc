// Opens the emoji picker, which is fetched then.
export function pickEmoji(at: HTMLElement | undefined, picked: (emoji: string) => void): void {
  const opener = at ?? (document.activeElement instanceof HTMLElement ? document.activeElement : document.body);
  void import("./picker.tsx").then(({ openPicker }) => openPicker(opener, picked));
}
