// Until when a member may only look on.
import type { ServerId, UserId } from "confab-client";
import { state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";

/** In words; nothing where it is over, or never was. */
export function timeoutText(server: ServerId, user: UserId): string | undefined {
  const until = state.servers[server]?.members[user]?.timeout_until ?? 0;
  return until > minute() ? t("Timed out until {time}.", { time: moment(until, minute()) }) : undefined;
}
