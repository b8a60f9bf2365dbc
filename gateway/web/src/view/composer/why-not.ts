// Whether the reader may write in a channel, and what keeps him from it.
import type { ChannelState } from "confab-client";
import { second } from "../../app/clock.ts";
import { state } from "../../app/client.ts";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { permissions } from "../rights.ts";

/** A sentence where he may not. */
export function whyNot(channel: ChannelState): string | undefined {
  if (!permissions(channel.channel_id).has("SEND_MESSAGES")) return denied(channel);
  return lockedOut(channel) ? t("The server is locked down: for now only some people can write here.") : undefined;
}

function denied({ server_id, channel_id, kind }: ChannelState): string {
  const server = state.servers[server_id];
  const me = state.me?.user_id;
  const [silent, muted] = [(me !== undefined && server?.members[me]?.timeout_until) || 0, server?.mutes[channel_id] ?? 0];
  const time = (until: number) => moment(until, second());
  if (silent > second()) return t("You are timed out here until {time}.", { time: time(silent) });
  if (muted > second()) return t("You are muted in this channel until {time}.", { time: time(muted) });
  return kind === "announcement" ? t("Only some people can write announcements here.") : t("You can read here, but not write.");
}

/** In a lock-down only its speakers write, and who manages messages. */
function lockedOut({ server_id, channel_id }: ChannelState): boolean {
  const server = state.servers[server_id];
  const [lockdown, me] = [server?.lockdown, state.me?.user_id];
  if (!lockdown?.speakers || me === undefined || (lockdown.until ?? Infinity) <= second()) return false;
  const speaks = server?.members[me]?.roles.includes(lockdown.speakers) ?? false;
  return !speaks && !permissions(channel_id).has("MANAGE_MESSAGES");
}
