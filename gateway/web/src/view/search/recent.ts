// What an account searched for on this device, the last first.
import { account } from "../../app/account.ts";
import { forgetKept, readKept, withFirst, writeKept } from "../../app/kept.ts";

const NAME = "searches";
const MOST = 8;

export const recentSearches = (): string[] => readKept(NAME, account(), []);

export const keepSearch = (query: string): void => writeKept(NAME, account(), withFirst(recentSearches(), query, MOST));

export function forgetSearches(): void {
  const user = account();
  if (user !== undefined) forgetKept(user, NAME);
}
