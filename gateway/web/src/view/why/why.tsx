// Why somebody may do something, or may not: the steps of the decision, each with a way to where it is changed.
import type { ChannelState } from "confab-client";
import { createResource, createSignal, For, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { Icon } from "../../kit/icon.tsx";
import { say, t } from "../../lang/index.ts";
import { spokenName } from "../channels/called.ts";
import { shownName } from "../people/names.ts";
import { bitOf, GROUPS, groupsIn, wordsOf, type PermissionName } from "../permissions/words.ts";
import type { Asked } from "./asked.ts";
import { ChainLine } from "./chain-line.tsx";
import { chainOf, type Link } from "./chain.ts";
import { leadTo, tellStep } from "./steps.ts";
import "./why.css";

export function Why(props: Asked & { close: () => void }) {
  const channel = () => (props.channel === undefined ? undefined : state.channels[props.channel]);
  const offered = () => {
    const known = channel();
    return (known === undefined ? GROUPS : groupsIn(known.kind)).flatMap(({ permissions }) => permissions);
  };
  const begin = (): PermissionName => {
    const wanted = props.permission ?? (props.channel === undefined ? "MANAGE_SERVER" : "SEND_MESSAGES");
    return offered().some((words) => words.name === wanted) ? wanted : "VIEW_CHANNEL";
  };
  const [name, setName] = createSignal(begin());
  const [explained] = createResource(() =>
    client.call("permission_explain", props.server, { channel_id: props.channel ?? null, user_id: props.user ?? null }),
  );
  const shown = () => (explained.error === undefined ? explained() : undefined);
  const may = () => ((shown()?.permissions ?? 0) & bitOf(name())) !== 0;
  const links = () => chainOf(shown()?.steps ?? [], bitOf(name()));
  const who = () => (props.user === undefined || props.user === state.me?.user_id ? undefined : shownName(props.user, props.server));
  return (
    <Dialog title={titleOf(who(), channel())} onClose={props.close}>
      <Select
        label={t("Permission")}
        value={name()}
        options={offered().map((words) => ({ value: words.name, label: say(words.title) }))}
        onChange={setName}
      />
      <Show when={explained.error === undefined} fallback={<p class="error" role="alert">{sentenceOf(explained.error)}</p>}>
        <Show when={shown()}>
          <div class="why" role="status">
            <p class="why-verdict" classList={{ may: may() }}>
              <Icon name={may() ? "check" : "close"} />
              {verdict(who(), may(), say(wordsOf(name()).title))}
            </p>
            <ol class="why-chain" aria-label={t("How it was decided")}>
              <For each={links()} fallback={<li class="why-step"><p>{t("No role and no channel gives this.")}</p></li>}>
                {(link) => <StepLine link={link} asked={props} close={props.close} onAsk={setName} />}
              </For>
            </ol>
            <Show when={links().length > 1}>
              <p class="second">{t("The last one decides.")}</p>
            </Show>
          </div>
        </Show>
      </Show>
    </Dialog>
  );
}

function StepLine(props: { link: Link; asked: Asked; close: () => void; onAsk: (name: PermissionName) => void }) {
  return (
    <ChainLine
      says={tellStep(props.link.step, props.asked)}
      follows={props.link.allows ? t("allows") : t("denies")}
      favours={props.link.allows}
      decides={props.link.decides}
      lead={leadTo(props.link.step, props.asked)}
      close={props.close}
    >
      <Show when={props.link.step.cause === "hidden"}>
        <Button kind="quiet" onClick={() => props.onAsk("VIEW_CHANNEL")}>{t("Why?")}</Button>
      </Show>
    </ChainLine>
  );
}

/** Of the reader where no name is given. */
function titleOf(name: string | undefined, place: ChannelState | undefined): string {
  if (place === undefined) return name === undefined ? t("What you can do") : t("What {name} can do", { name });
  const channel = spokenName(place);
  return name === undefined ? t("What you can do in {channel}", { channel }) : t("What {name} can do in {channel}", { name, channel });
}

function verdict(name: string | undefined, may: boolean, permission: string): string {
  if (name === undefined) return may ? t("{permission}: you may.", { permission }) : t("{permission}: you may not.", { permission });
  return may ? t("{permission}: {name} may.", { permission, name }) : t("{permission}: {name} may not.", { permission, name });
}
