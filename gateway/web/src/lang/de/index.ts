// All of German, a file for each part of the page. A sentence belongs to the file of the view that says it.
import type { Dictionary } from "../index.ts";
import { kit } from "./kit.ts";
import { plurals } from "./plurals.ts";
import { refusals } from "./refusals.ts";

const messages = { ...kit, ...refusals } as const;

export type German = typeof messages;
export const german: Dictionary = { messages, plurals };
