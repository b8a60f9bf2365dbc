// Leads to the first message of a day.
import { Refusal, type ChannelState } from "confab-client";
import { client } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { useForm } from "../../app/form.ts";
import { openDialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { timeOfId } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { jumpTo } from "../found/jump.ts";
import { firstSince } from "./by-date.ts";

export function askDate(channel: ChannelState, from = now()): void {
  openDialog((close) => <DateDialog channel={channel} from={from} close={close} />);
}

function DateDialog(props: { channel: ChannelState; from: number; close: () => void }) {
  const { channel_id, server_id, last_seq } = props.channel;
  const read = async (after: number) => (await client.call("messages_get", server_id, { channel_id, after, limit: 1 })).messages[0];
  const form = useForm({
    start: () => ({ day: isoDay(props.from) }),
    unguarded: true,
    check: ({ day }) => ({ day: day === "" ? t("Choose a day.") : undefined }),
    save: async (_, { day }) => {
      const found = await firstSince(new Date(`${day}T00:00`).getTime(), last_seq, read);
      if (found === undefined) throw new Refusal("unknown", "day");
      props.close();
      jumpTo({ server_id, channel_id, message_id: found.message_id });
    },
    words: { unknown: ({ detail }) => (detail === "day" ? t("Nothing was written on this day or later.") : undefined) },
  });
  return (
    <FormDialog title={t("Jump to a day")} form={form} action={t("Jump")} close={props.close}>
      <Field
        type="date"
        autofocus
        label={t("Day")}
        hint={t("Shows the first message of this day, or the next one after it.")}
        min={isoDay(timeOfId(channel_id))}
        max={isoDay(now())}
        {...form.text("day")}
      />
    </FormDialog>
  );
}

/** A day as fields of dates have it, in the zone of the reader. */
function isoDay(moment: number): string {
  const at = new Date(moment);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
