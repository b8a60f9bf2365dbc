// What was said in a channel: at most a few hundred rows, all of them in the document, so that the
// browser's own search and a selection across rows work and no height is ever guessed.
import { rowsOf, type ChannelState } from "confab-client";
import { createEffect, createMemo, For, Match, on, Show, Switch, untrack } from "solid-js";
import { client, state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { channelPath, go, route } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { day } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { permissions } from "../rights.ts";
import { Skeleton } from "../shell/skeleton.tsx";
import { announceNew } from "./announce.ts";
import { linesOf, type Line } from "./lines.ts";
import { dividerOf, keepReading } from "./reading.ts";
import { MessageRow } from "./row.tsx";
import { rowKeys } from "./row-keys.ts";
import { Scroller } from "./scroller.ts";

export function Timeline(props: { channel: ChannelState }) {
  const id = untrack(() => props.channel.channel_id);
  const divider = dividerOf(id);
  const window = () => state.windows[id];
  const lines = createMemo(() => new Map(linesOf(rowsOf(state, id), state.me?.user_id, divider.seq()).map((line) => [line.key, line])));
  const keys = createMemo(() => [...lines().keys()], [], { equals: sameKeys });
  const scroller = new Scroller(id);
  createEffect(on(keys, () => scroller.settle()));
  openAt(props.channel, divider, scroller);
  announceNew(id);

  return (
    <section
      class="timeline"
      data-region
      role="log"
      aria-live="off"
      aria-label={t("Messages in #{channel}", { channel: props.channel.name })}
      tabIndex={-1}
      ref={(element) => {
        scroller.attach(element);
        keepReading(id, element, scroller);
        rowKeys(element, props.channel);
      }}
    >
      <div class="timeline-rows" ref={(element) => scroller.watch(element)}>
        <Show when={window()} fallback={<Skeleton rows />}>
          {(shown) => (
            <Show when={shown().start && keys().length >= 0}>
              <Beginning channel={props.channel} />
            </Show>
          )}
        </Show>
        <For each={keys()}>{(key) => <Drawn key={key} line={lines().get(key)} channel={props.channel} />}</For>
      </div>
      <Show when={window() !== undefined && !window()?.head}>
        <p class="older" role="status">
          {t("You are viewing older messages.")}
          <Button onClick={() => void toPresent(props.channel, scroller)}>{t("Jump to present")}</Button>
          <Show when={scroller.back()}>
            {(back) => <Button kind="quiet" onClick={() => back()()}>{t("Back")}</Button>}
          </Show>
        </p>
      </Show>
    </section>
  );
}

function Drawn(props: { key: string; line: Line | undefined; channel: ChannelState }) {
  return (
    <Switch>
      <Match when={props.line?.kind === "day" && props.line}>
        {(line) => <h2 class="day" data-key={props.key}><span>{day(line().at, minute())}</span></h2>}
      </Match>
      <Match when={props.line?.kind === "new"}>
        <div class="new" data-key={props.key} role="separator" aria-label={t("New")}>
          <span aria-hidden="true">{t("New")}</span>
        </div>
      </Match>
      <Match when={props.line?.kind === "row" && props.line}>
        {(line) => <MessageRow line={line()} channel={props.channel} />}
      </Match>
    </Switch>
  );
}

function Beginning(props: { channel: ChannelState }) {
  const readable = () => permissions(props.channel.channel_id).has("READ_HISTORY");
  return (
    <div class="beginning">
      <p class="title">#{props.channel.name}</p>
      <p class="second">
        {readable() ? t("This is the start of #{channel}.", { channel: props.channel.name }) : t("You may not read what was said here before.")}
      </p>
    </div>
  );
}

/** Where a channel opens: at the message that the address names, at the first unread one, or at the end. */
function openAt(channel: ChannelState, divider: ReturnType<typeof dividerOf>, scroller: Scroller): void {
  const id = channel.channel_id;
  const named = () => {
    const at = route();
    return at.at === "channel" && at.channel === id ? at.message : null;
  };
  createEffect(
    on(named, (message) => {
      if (message === null) return;
      void scroller.jump(message).then(() => go(channelPath(channel.server_id, id), true));
    }),
  );
  if (untrack(named) === null) scroller.openAtUnread(divider.seq() !== null);
}

async function toPresent(channel: ChannelState, scroller: Scroller): Promise<void> {
  await client.latest(channel.channel_id).catch(() => undefined);
  scroller.toEnd();
}

function sameKeys(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index]);
}
