// The mark of a member who may only look on for a time: for who may end that, and for himself.
import type { ServerId, UserId } from "confab-client";
import { Show } from "solid-js";
import { minute } from "../../app/clock.ts";
import { state } from "../../app/client.ts";
import { Icon } from "../../kit/icon.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { mayDo } from "../rank/may.ts";

/** Until when somebody is timed out, as far as it is the reader's to know. */
export function timedOutUntil(user: UserId, server: ServerId): number | undefined {
  const until = state.servers[server]?.members[user]?.timeout_until ?? 0;
  const isMine = user === state.me?.user_id || mayDo("silence", server, user);
  return isMine && until > minute() ? until : undefined;
}

export function TimedOutMark(props: { user: UserId; server: ServerId }) {
  return (
    <Show when={timedOutUntil(props.user, props.server)}>
      {(until) => {
        const text = () => t("Timed out until {time}", { time: moment(until(), minute()) });
        return (
          <span class="timed-out" data-tip={text()}>
            <Icon name="clock" />
            <span class="unseen">{text()}</span>
          </span>
        );
      }}
    </Show>
  );
}
