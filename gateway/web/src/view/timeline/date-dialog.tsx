// Leads to the first message of a day.
import type { ChannelState } from "confab-client";
import { createSignal } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { timeOfId } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { jumpTo } from "../found/jump.ts";
import { firstSince } from "./by-date.ts";

export function askDate(channel: ChannelState, from = now()): void {
  openDialog((close) => <DateDialog channel={channel} from={from} close={close} />);
}

function DateDialog(props: { channel: ChannelState; from: number; close: () => void }) {
  const { channel_id, server_id, last_seq } = props.channel;
  const [day, setDay] = createSignal(isoDay(props.from));
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  let form!: HTMLFormElement;

  const read = async (after: number) => (await client.call("messages_get", server_id, { channel_id, after, limit: 1 })).messages[0];
  const jump = async () => {
    const moment = new Date(`${day()}T00:00`).getTime();
    if (busy() || Number.isNaN(moment)) return;
    setBusy(true);
    try {
      const found = await firstSince(moment, last_seq, read);
      if (found === undefined) return void setError(t("Nothing was written on this day or later."));
      props.close();
      jumpTo({ server_id, channel_id, message_id: found.message_id });
    } catch (refusal) {
      setError(sentenceOf(refusal));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t("Jump to a day")}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t("Cancel")}</Button>
          <Button kind="accent" busy={busy()} onClick={() => form.requestSubmit()}>{t("Jump")}</Button>
        </>
      }
    >
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          void jump();
        }}
      >
        <Field
          type="date"
          autofocus
          label={t("Day")}
          hint={t("Shows the first message of this day, or the next one after it.")}
          error={error()}
          value={day()}
          min={isoDay(timeOfId(channel_id))}
          max={isoDay(now())}
          onInput={(event) => {
            setDay(event.currentTarget.value);
            setError(undefined);
          }}
        />
      </form>
    </Dialog>
  );
}

/** A day as fields of dates have it, in the zone of the reader. */
function isoDay(moment: number): string {
  const at = new Date(moment);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
