// Somebody is kept from writing for a time, in a channel or in the whole server.
import type { ChannelState, ServerState, UserId } from "confab-client";
import { createSignal, onMount, Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { useForm } from "../../app/form.ts";
import { Button } from "../../kit/button.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { toast } from "../../kit/toast.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { MINUTE_S, SILENCES, span } from "../../lang/spans.ts";
import { shownName } from "../people/names.ts";
import { Reason } from "./reason.tsx";
import { until } from "./until.ts";

interface SilenceProps {
  server: ServerState;
  user: UserId;
  /** Null for the whole server. */
  channel: ChannelState | null;
  close: () => void;
}

export function Silence(props: SilenceProps) {
  const { channel } = props;
  const name = shownName(props.user, props.server.server.server_id);
  const asked = silenceOf(props);
  const [silent, setSilent] = createSignal<number | null>(null);
  onMount(() => void act(asked.look().then(setSilent)));
  const form = useForm({
    start: () => ({ seconds: 10 * MINUTE_S, reason: "" }),
    save: async (_, { seconds, reason }) => {
      await asked.begin(seconds, reason.trim());
      toast(asked.begun(name, moment(now() + seconds * 1000)));
      props.close();
    },
  });
  const lift = async () => {
    if (!(await act(asked.lift()))) return;
    toast(t("{name} can speak again.", { name }));
    props.close();
  };
  return (
    <FormDialog
      title={channel === null ? t("Time out {name}", { name }) : t("Mute {name} in #{channel}", { name, channel: channel.name })}
      form={form}
      action={channel === null ? t("Time out") : t("Mute")}
      danger
      others={silent() !== null && <Button onClick={() => void lift()}>{t("Let them speak again")}</Button>}
      close={props.close}
    >
      <p class="second">{t("{name} can still read, but cannot write or react.", { name })}</p>
      <Show when={silent()}>{(end) => <p role="status">{t("Now until {time}.", { time: moment(end()) })}</p>}</Show>
      <Select
        label={t("For how long")}
        options={SILENCES.map((value) => ({ value, label: span(value) }))}
        hint={until(form.values().seconds)}
        {...form.pick("seconds")}
      />
      <Reason form={form} />
    </FormDialog>
  );
}

/** How it is asked for, in a channel or in the whole server. */
function silenceOf({ server, user: user_id, channel }: SilenceProps) {
  const { server_id } = server.server;
  // How it is now nobody else is told.
  const look = async (): Promise<number | null> => {
    const { member, mutes } = await client.call("member_get", server_id, { user_id });
    const end = channel === null ? member.timeout_until : mutes.find(({ channel_id }) => channel_id === channel.channel_id)?.until;
    return end != null && end > now() ? end : null;
  };
  if (channel === null) {
    return {
      look,
      begin: (duration: number, reason: string) => client.call("user_timeout", server_id, { user_id, duration, reason }),
      begun: (name: string, time: string) => t("{name} is timed out until {time}.", { name, time }),
      lift: () => client.call("user_timeout", server_id, { user_id, duration: 0 }),
    };
  }
  const { channel_id } = channel;
  return {
    look,
    begin: (duration: number, reason: string) => client.call("channel_mute", server_id, { user_id, channel_id, duration, reason }),
    begun: (name: string, time: string) => t("{name} is muted in #{channel} until {time}.", { name, channel: channel.name, time }),
    lift: () => client.call("channel_unmute", server_id, { user_id, channel_id }),
  };
}
