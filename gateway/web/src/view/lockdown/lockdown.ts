// How a server is locked down now. That its time ran out nobody tells.
import type { Lockdown, ServerId } from "confab-client";
import { second } from "../../app/clock.ts";
import { state } from "../../app/client.ts";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";

export function lockdownOf(server: ServerId): Lockdown | undefined {
  const lockdown = state.servers[server]?.lockdown ?? undefined;
  return lockdown !== undefined && (lockdown.until ?? Infinity) > second() ? lockdown : undefined;
}

/** What it forbids, and until when. */
export function lockdownText(server: ServerId, { no_joining, speakers, until }: Lockdown): string {
  const role = speakers === null ? "" : (state.servers[server]?.roles[speakers]?.name ?? t("a deleted role"));
  const what =
    speakers === null
      ? t("This server is locked down: nobody can join.")
      : no_joining
        ? t("This server is locked down: nobody can join, and only members with the role {role} can write.", { role })
        : t("This server is locked down: only members with the role {role} can write.", { role });
  return until === null ? what : `${what} ${t("Until {time}.", { time: moment(until, second()) })}`;
}
