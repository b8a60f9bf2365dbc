// Why the reader was told of a message, or not: the rules as they are now, and what became of it when it came.
import type { ChannelState, Message, NotificationStep } from "confab-client";
import { createResource, For, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { Icon } from "../../kit/icon.tsx";
import { say, t } from "../../lang/index.ts";
import { openLayer } from "../panel.ts";
import { openStatus } from "../settings/open-status.ts";
import { ChainLine } from "../why/chain-line.tsx";
import { RULES, SCOPES, STATES, verdictOf } from "./explain-words.ts";
import { openLevels } from "./open.tsx";
import "../why/why.css";

export function showExplanation(channel: ChannelState, message: Message): void {
  openDialog((close) => <Explanation channel={channel} message={message} close={close} />);
}

function Explanation(props: { channel: ChannelState; message: Message; close: () => void }) {
  const { server_id, channel_id } = props.channel;
  const [explained] = createResource(() => client.call("notification_explain", server_id, { channel_id, message_id: props.message.message_id }));
  const shown = () => (explained.error === undefined ? explained() : undefined);
  return (
    <Dialog title={t("Why was I told, or not?")} onClose={props.close}>
      <Show when={explained.error === undefined} fallback={<p class="error" role="alert">{sentenceOf(explained.error)}</p>}>
        <Show when={shown()}>
          {(known) => (
            <div class="why" role="status">
              <p class="why-verdict" classList={{ may: known().reason !== null }}>
                <Icon name={known().reason === null ? "close" : "check"} />
                {say(verdictOf(known()))}
              </p>
              <ol class="why-chain" aria-label={t("How it was decided")}>
                <For each={known().steps}>{(step) => <StepLine step={step} channel={props.channel} close={props.close} />}</For>
              </ol>
              <p class="second">{t("By the rules as they are now.")}</p>
              <p class="second">{whatBecame(known().state)}</p>
            </div>
          )}
        </Show>
      </Show>
    </Dialog>
  );
}

const whatBecame = (state: keyof typeof STATES | null) => (state === null ? t("When it came: nobody was to be told, or it is forgotten by now.") : say(STATES[state]));

function StepLine(props: { step: NotificationStep; channel: ChannelState; close: () => void }) {
  const says = () => (
    <>
      {say(RULES[props.step.rule].asks)}
      <Show when={props.step.scope}>
        {(scope) => (
          <>
            <br />
            <span class="meta">{say(SCOPES[scope()])}</span>
          </>
        )}
      </Show>
    </>
  );
  return (
    <ChainLine
      says={says()}
      follows={props.step.holds ? t("yes") : t("no")}
      favours={props.step.holds}
      decides={!props.step.holds}
      lead={props.step.holds ? undefined : leadTo(props.step, props.channel)}
      close={props.close}
    />
  );
}

/** Opens where what decided is set; nothing where it is no setting. */
function leadTo({ rule, scope }: NotificationStep, channel: ChannelState): (() => void) | undefined {
  const settings = () => openLayer("settings", "notifications");
  if (rule === "may_be_disturbed") return openStatus;
  if (rule === "not_quiet" || rule === "has_device" || scope === "deployment") return settings;
  if (scope === "channel") return () => openLevels({ kind: "channel", channel });
  const [category, server] = [channel.parent_id === null ? undefined : state.channels[channel.parent_id], state.servers[channel.server_id]];
  if (scope === "category" && category !== undefined) return () => openLevels({ kind: "category", channel: category });
  return scope === "server" && server !== undefined ? () => openLevels({ kind: "server", server }) : undefined;
}
