// All of German, a file for each part of the page. A sentence belongs to the file of the view that says it.
import type { Dictionary } from "../dictionary.ts";
import { admin } from "./admin.ts";
import { audit } from "./audit.ts";
import { channels } from "./channels.ts";
import { enter } from "./enter.ts";
import { finding } from "./finding.ts";
import { invites } from "./invites.ts";
import { kit } from "./kit.ts";
import { member } from "./member.ts";
import { moderation } from "./moderation.ts";
import { notifications } from "./notifications.ts";
import { permissions } from "./permissions.ts";
import { plurals } from "./plurals.ts";
import { refusals } from "./refusals.ts";
import { roles } from "./roles.ts";
import { server } from "./server.ts";
import { settings } from "./settings.ts";
import { shell } from "./shell.ts";
import { talk } from "./talk.ts";
import { why } from "./why.ts";

const messages = { ...kit, ...refusals, ...enter, ...shell, ...settings, ...talk, ...finding, ...channels, ...invites, ...member, ...notifications, ...permissions, ...roles, ...server, ...why, ...moderation, ...audit, ...admin } as const;

export type German = typeof messages;
export const german: Dictionary = { messages, plurals };
