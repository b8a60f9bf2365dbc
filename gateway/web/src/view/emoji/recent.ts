// The emoji that were used last on this device.
const KEY = "confab.emoji";
const MOST = 16;

export function usedEmoji(): string[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as string[];
  } catch {
    return [];
  }
}

export function rememberEmoji(emoji: string): void {
  localStorage.setItem(KEY, JSON.stringify([emoji, ...usedEmoji().filter((other) => other !== emoji)].slice(0, MOST)));
}
