// One report: what was said, among what was said around it, and what is to become of it.
import { LIMITS, Refusal, type ChannelState, type Message, type Report, type Resolution, type ServerId } from "confab-client";
import { createSignal, For, onMount, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { go, messagePath } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { Field } from "../../kit/field.tsx";
import { Section } from "../../kit/form.tsx";
import { moment, timeOfId } from "../../lang/dates.ts";
import { say, t } from "../../lang/index.ts";
import { Markdown } from "../../text/render.tsx";
import { closeLayer } from "../panel.ts";
import { openMemberMenu } from "../people/card.ts";
import { shownName } from "../people/names.ts";
import { PersonName } from "../people/person-name.tsx";
import { permissions } from "../rights.ts";
import { placeOf } from "../timeline/place.ts";
import { CATEGORIES, RESOLUTIONS } from "./words.ts";

/** So many messages before and after it. */
const AROUND = 3;

interface DetailProps {
  server: ServerId;
  report: Report;
  onBack: () => void;
}

export function ReportDetail(props: DetailProps) {
  const { server, report } = props;
  const [around, setAround] = createSignal<readonly Message[]>();
  const channel = () => state.channels[report.channel_id];
  // Whether it is still there is what the messages around it say.
  const message = () => around()?.find(({ message_id }) => message_id === report.message_id);
  const reporter = report.reporter_id;
  onMount(() => {
    const asked = client.call("messages_around", server, { channel_id: report.channel_id, message_id: report.message_id, limit: AROUND });
    void asked.then(({ messages }) => {
      client.meet(messages.map(({ author_id }) => author_id), server);
      setAround(messages);
    }, () => setAround([]));
  });
  const visit = () => {
    closeLayer();
    go(messagePath(server, report.channel_id, report.message_id));
  };
  return (
    <>
      <p class="page-deed"><Button kind="quiet" icon="back" onClick={() => props.onBack()}>{t("All reports")}</Button></p>
      <Section title={t("What was reported")}>
        <dl class="facts">
          <div><dt>{t("Author")}</dt><dd><PersonName user={report.author_id} server={server} /></dd></div>
          <div>
            <dt>{t("Reported by")}</dt>
            <dd><Show when={reporter} fallback={t("A rule")}>{(user) => <PersonName user={user()} server={server} />}</Show></dd>
          </div>
          <div><dt>{t("When")}</dt><dd>{moment(timeOfId(report.report_id), minute())}</dd></div>
          <div><dt>{t("Why")}</dt><dd>{say(CATEGORIES[report.category])}</dd></div>
          <Show when={report.text}><div><dt>{report.category === "rule" ? t("Rule") : t("In words")}</dt><dd>{report.text}</dd></div></Show>
        </dl>
        <Show when={report.content} fallback={<p class="second">{t("You cannot see the channel it is in.")}</p>}>
          {(content) => <blockquote class="quoted">{content()}</blockquote>}
        </Show>
      </Section>
      <Show when={channel()}>
        {(known) => (
          <Section title={t("In #{channel}", { channel: known().name })}>
            <Context around={around()} report={report} channel={known()} />
            <Show when={message()}><Button onClick={visit}>{t("Go to the message")}</Button></Show>
          </Section>
        )}
      </Show>
      <Show when={report.outcome} fallback={<Resolve {...props} there={message() !== undefined} />}>
        {(outcome) => (
          <Section title={t("What became of it")}>
            <dl class="facts">
              <div><dt>{t("Outcome")}</dt><dd>{say(RESOLUTIONS[outcome().resolution])}</dd></div>
              <div><dt>{t("By")}</dt><dd><PersonName user={outcome().resolver_id} server={server} /></dd></div>
              <div><dt>{t("When")}</dt><dd>{moment(outcome().resolved_at, minute())}</dd></div>
              <Show when={outcome().note}><div><dt>{t("Note")}</dt><dd>{outcome().note}</dd></div></Show>
            </dl>
          </Section>
        )}
      </Show>
    </>
  );
}

function Context(props: { around: readonly Message[] | undefined; report: Report; channel: ChannelState }) {
  const isIt = (message: Message) => message.message_id === props.report.message_id;
  return (
    <Show when={props.around}>
      {(messages) => (
        <ol class="around">
          <For each={messages()} fallback={<li class="second">{t("The message is no longer there.")}</li>}>
            {(message) => (
              <li classList={{ it: isIt(message) }} aria-current={isIt(message) ? "true" : undefined}>
                <p class="meta">{shownName(message.author_id, props.channel.server_id)}, {moment(timeOfId(message.message_id), minute())}</p>
                <Markdown content={message.content} place={placeOf(message, props.channel)} />
              </li>
            )}
          </For>
        </ol>
      )}
    </Show>
  );
}

function Resolve(props: DetailProps & { there: boolean }) {
  const { server, report } = props;
  const [note, setNote] = createSignal("");
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const mayDelete = () => props.there && permissions(report.channel_id).has("MANAGE_MESSAGES");
  const resolve = async (resolution: Resolution, before?: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    try {
      await before?.();
      await client.call("report_resolve", server, { report_id: report.report_id, resolution, note: note().trim() });
      props.onBack();
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
    setBusy(false);
  };
  // Somebody else may have deleted it meanwhile: what was wanted is so.
  const remove = () =>
    client.call("message_delete", server, { channel_id: report.channel_id, message_id: report.message_id }).catch((error: unknown) => {
      if (!(error instanceof Refusal) || error.reason !== "unknown_message") throw error;
    });
  return (
    <Section
      title={t("What should happen")}
      description={t("To act on its author, use the author's menu; here you mark the report as resolved.")}
    >
      <Field label={t("Note")} hint={t("For those who moderate, and the audit log.")} maxlength={LIMITS.MAX_REASON_CHARS} value={note()} onInput={(event) => setNote(event.currentTarget.value)} />
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <div class="resolve-buttons">
        <Show when={mayDelete()}>
          <Button kind="danger" busy={busy()} onClick={() => void resolve("acted", remove)}>{t("Delete the message")}</Button>
        </Show>
        <Button busy={busy()} onClick={() => void resolve("acted")}>{t("Resolved")}</Button>
        <Button busy={busy()} onClick={() => void resolve("dismissed")}>{t("Nothing is wrong")}</Button>
        <Button kind="quiet" aria-haspopup="menu" onClick={(event) => void openMemberMenu(report.author_id, server, event.currentTarget)}>
          {t("What to do with {name}", { name: shownName(report.author_id, server) })}
        </Button>
      </div>
    </Section>
  );
}
