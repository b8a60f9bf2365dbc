// Views that only bring menus, pages and commands, a line for each: the first JavaScript does without them.
import "./invites/index.ts";
import "./member/index.ts";
import "./settings/index.ts";
import "./server/index.ts";
import "./channels/index.ts";
import "./roles/index.ts";
import "./why/index.ts";
import "./notifications/index.ts";
import "./moderation/index.ts";
import "./admin/index.ts";
