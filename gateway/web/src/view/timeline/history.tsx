// What a message said before its edits.
import type { ChannelState, Message } from "confab-client";
import { createResource, For, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { Markdown } from "../../text/render.tsx";
import { placeOf } from "./place.ts";

export function showHistory(channel: ChannelState, message: Message): void {
  openDialog((close) => <History channel={channel} message={message} close={close} />);
}

function History(props: { channel: ChannelState; message: Message; close: () => void }) {
  const { channel_id, server_id } = props.channel;
  const [versions] = createResource(() => client.call("message_history", server_id, { channel_id, message_id: props.message.message_id }));
  const place = placeOf(props.message, props.channel);
  return (
    <Dialog title={t("What it said before")} onClose={props.close} wide>
      <article class="version">
        <p class="meta">{t("Now")}</p>
        <Markdown content={props.message.content} place={place} />
      </article>
      <Show when={versions.error === undefined} fallback={<p class="error">{sentenceOf(versions.error)}</p>}>
        <For each={versions()?.versions}>
          {(version) => (
            <article class="version">
              <p class="meta">{t("Until {time}", { time: moment(version.replaced_at) })}</p>
              <Markdown content={version.content} place={place} />
            </article>
          )}
        </For>
      </Show>
    </Dialog>
  );
}
