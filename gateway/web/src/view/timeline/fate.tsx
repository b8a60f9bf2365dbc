// What becomes of a message that is not stored yet, under its text.
import type { Send } from "confab-client";
import { Match, Show, Switch } from "solid-js";
import { client, state } from "../../app/client.ts";
import { second } from "../../app/clock.ts";
import { toast } from "../../kit/toast.tsx";
import { t, tn } from "../../lang/index.ts";
import { refusalText } from "../../lang/refusals.ts";
import { charactersLeft } from "../composer/limit.tsx";

/** Before, a message that is on its way looks as if it were there. */
const NOTICED = 400;
const SLOW = 10_000;

export function Fate(props: { send: Send }) {
  const age = () => second() - props.send.created_at;
  const wait = () => Math.max(0, Math.ceil(((props.send.next ?? 0) - second()) / 1000));
  const online = () => state.connection.state === "open";
  return (
    <div class="fate meta" role="status">
      <Switch>
        <Match when={props.send.state === "failed"}>
          <span class="error">{problem(props.send)}</span>
          <button type="button" class="inline" onClick={() => client.retry(props.send.nonce)}>{t("Retry")}</button>
          <button type="button" class="inline" onClick={() => void copy(props.send)}>{t("Copy")}</button>
          <button type="button" class="inline" onClick={() => client.discard(props.send.nonce)}>{t("Delete")}</button>
        </Match>
        <Match when={props.send.refusal?.reason === "rate_limited" && wait() > 0}>
          {t("Sent in {seconds} s.", { seconds: wait() })}
        </Match>
        <Match when={online() && age() > SLOW}>{t("Still sending. The server is busy.")}</Match>
        <Match when={age() > NOTICED}>
          {online() ? t("Sending…") : t("Waiting for the connection.")}
          <Show when={!props.send.attempted}>
            <button type="button" class="inline" onClick={() => client.discard(props.send.nonce)}>{t("Delete")}</button>
          </Show>
        </Match>
      </Switch>
    </div>
  );
}

function problem({ content, refusal }: Send): string {
  const surplus = -charactersLeft(content);
  if (refusal?.reason === "too_large" && surplus > 0) return tn("Not sent: {count} characters too long.", surplus);
  return t("Not sent: {reason}", { reason: refusalText(refusal?.reason, refusal?.detail) });
}

async function copy({ content }: Send): Promise<void> {
  await navigator.clipboard.writeText(content);
  toast(t("Copied."));
}
