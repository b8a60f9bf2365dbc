// What an account searched for on this device, the last first. The next one who uses it does not see that.
import type { UserId } from "confab-client";

const KEY = "confab.searches";
const MOST = 8;

export function recentSearches(user: UserId | undefined): string[] {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as { user?: unknown; searches?: unknown };
    if (user === undefined || kept.user !== user || !Array.isArray(kept.searches)) return [];
    return kept.searches.filter((one) => typeof one === "string");
  } catch {
    return [];
  }
}

export function keepSearch(user: UserId | undefined, query: string): void {
  if (user === undefined) return;
  const searches = [query, ...recentSearches(user).filter((other) => other !== query)].slice(0, MOST);
  localStorage.setItem(KEY, JSON.stringify({ user, searches }));
}

export const forgetSearches = () => localStorage.removeItem(KEY);
