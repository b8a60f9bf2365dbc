// Somebody is put out of a server, and may come back or not.
import type { ServerState, UserId } from "confab-client";
import { Show } from "solid-js";
import { client } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { DAY_S, HOUR_S, span, YEAR_S } from "../../lang/spans.ts";
import { shownName } from "../people/names.ts";
import { serverPermissions } from "../rights.ts";
import { Reason } from "./reason.tsx";
import { until } from "./until.ts";

interface RemoveProps {
  server: ServerState;
  user: UserId;
  close: () => void;
}

export function Kick(props: RemoveProps) {
  const { name: server, server_id } = props.server.server;
  const name = shownName(props.user, server_id);
  const form = useForm({
    start: () => ({ reason: "" }),
    save: async (_, { reason }) => {
      await client.call("member_kick", server_id, { user_id: props.user, reason: reason.trim() });
      props.close();
    },
  });
  return (
    <FormDialog title={t("Remove {name} from {server}?", { name, server })} form={form} action={t("Remove")} danger close={props.close}>
      <p class="second">{t("{name} can come back with an invite.", { name })}</p>
      <Reason form={form} />
    </FormDialog>
  );
}

/** Seconds; 0 is for ever. */
const BANS = [0, HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S, YEAR_S];
/** Hours whose messages go with him. */
const DELETED = [0, 1, 24, 3 * 24, 7 * 24];

export function Ban(props: RemoveProps) {
  const { name: server, server_id } = props.server.server;
  const name = shownName(props.user, server_id);
  const form = useForm({
    start: () => ({ seconds: 0, hours: 0, reason: "" }),
    save: async (_, { seconds, hours, reason }) => {
      await client.call("user_ban", server_id, { user_id: props.user, reason: reason.trim(), duration: seconds || null, delete_hours: hours });
      props.close();
    },
  });
  return (
    <FormDialog title={t("Ban {name} from {server}?", { name, server })} form={form} action={t("Ban")} danger close={props.close}>
      <p class="second">{t("{name} is removed, and cannot come back until the ban ends.", { name })}</p>
      <Select
        label={t("For how long")}
        options={BANS.map((value) => ({ value, label: value === 0 ? t("Forever") : span(value) }))}
        hint={form.values().seconds === 0 ? undefined : until(form.values().seconds)}
        {...form.pick("seconds")}
      />
      <Show when={serverPermissions(server_id).has("MANAGE_MESSAGES")}>
        <Select
          label={t("Delete messages")}
          options={DELETED.map((value) => ({ value, label: value === 0 ? t("None") : t("Of the last {time}", { time: span(value * HOUR_S) }) }))}
          {...form.pick("hours")}
        />
      </Show>
      <Reason form={form} />
    </FormDialog>
  );
}
