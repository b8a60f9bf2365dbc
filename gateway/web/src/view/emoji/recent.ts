// The emoji that an account used last on this device.
import { account } from "../../app/account.ts";
import { readKept, withFirst, writeKept } from "../../app/kept.ts";

const NAME = "emoji";
const MOST = 16;

export const usedEmoji = (): string[] => readKept(NAME, account(), []);

export const rememberEmoji = (emoji: string): void => writeKept(NAME, account(), withFirst(usedEmoji(), emoji, MOST));
