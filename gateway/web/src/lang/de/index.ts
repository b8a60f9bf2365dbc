// All of German, a file for each part of the page. A sentence belongs to the file of the view that says it.
import type { Dictionary } from "../dictionary.ts";
import { enter } from "./enter.ts";
import { kit } from "./kit.ts";
import { plurals } from "./plurals.ts";
import { refusals } from "./refusals.ts";
import { shell } from "./shell.ts";
import { talk } from "./talk.ts";

const messages = { ...kit, ...refusals, ...enter, ...shell, ...talk } as const;

export type German = typeof messages;
export const german: Dictionary = { messages, plurals };
