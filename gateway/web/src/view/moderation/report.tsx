// Telling those who moderate of a message, and what happens then.
import type { ChannelState, Message, ReportCategory } from "confab-client";
import { createSignal, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { Area, Choice } from "../../kit/field.tsx";
import { say, t } from "../../lang/index.ts";
import { CATEGORIES, CHOSEN } from "./words.ts";
import "../member/member.css";
import "./moderation.css";

const LONGEST = 1_000;

export function report(channel: ChannelState, message: Message): void {
  openDialog((close) => <ReportDialog channel={channel} message={message} close={close} />);
}

function ReportDialog(props: { channel: ChannelState; message: Message; close: () => void }) {
  const [category, setCategory] = createSignal<ReportCategory>("spam");
  const [text, setText] = createSignal("");
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const [told, setTold] = createSignal(false);
  const server = () => state.servers[props.channel.server_id]?.server.name ?? "";
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy()) return;
    setBusy(true);
    setError(undefined);
    const body = { channel_id: props.channel.channel_id, message_id: props.message.message_id, category: category(), text: text().trim() };
    try {
      await client.call("message_report", props.channel.server_id, body);
      setTold(true);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
    setBusy(false);
  };
  const form = () => (
    <form class="deed" onSubmit={(event) => void submit(event)} novalidate>
      <blockquote class="quoted cut">{props.message.content}</blockquote>
      <Choice
        label={t("What is wrong with it?")}
        value={category()}
        options={CHOSEN.map((value) => ({ value, label: say(CATEGORIES[value]) }))}
        onChange={setCategory}
      />
      <Area label={t("What else there is to say")} rows={3} maxlength={LONGEST} value={text()} onInput={(event) => setText(event.currentTarget.value)} />
      <p class="second">{t("Those who moderate {server} read it, with the message as it is now and your name. Its author is not told.", { server: server() })}</p>
      <Show when={error()}>{(found) => <p class="error" role="alert">{found()}</p>}</Show>
      <div class="deed-buttons">
        <Button onClick={() => props.close()}>{t("Cancel")}</Button>
        <Button kind="danger" submit busy={busy()}>{t("Report")}</Button>
      </div>
    </form>
  );
  return (
    <Dialog title={t("Report this message")} onClose={props.close}>
      <Show when={told()} fallback={form()}>
        <p role="status">{t("Reported. Those who moderate {server} decide what is done about it.", { server: server() })}</p>
        <div class="deed-buttons">
          <Button kind="accent" autofocus onClick={() => props.close()}>{t("Close")}</Button>
        </div>
      </Show>
    </Dialog>
  );
}
