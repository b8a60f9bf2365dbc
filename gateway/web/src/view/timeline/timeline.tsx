// What was said in a channel: at most a few hundred rows, all of them in the document, so that the
// browser's own search and a selection across rows work and no height is ever guessed.
import { reaches, rowsOf, unreadOf, type ChannelState } from "confab-client";
import { createEffect, createMemo, For, lazy, Match, on, onCleanup, Show, Switch, untrack } from "solid-js";
import { state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { channelPath, go, route } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { day } from "../../lang/dates.ts";
import { t, tn } from "../../lang/index.ts";
import { FirstLines } from "../begin/index.ts";
import { Part } from "../part.tsx";
import { permissions } from "../rights.ts";
import { Skeleton } from "../shell/skeleton.tsx";
import { announceNew } from "./announce.ts";
import { jumpToDay } from "./dates.ts";
import { dividerOf, type Divider } from "./divider.ts";
import { keepLines, linesOf, type Line } from "./lines.ts";
import { keepReading, markRead } from "./reading.ts";
import { drawFromEnd } from "./drawn.ts";
import { MessageRow } from "./row.tsx";
import { rowKeys } from "./row-keys.ts";
import { Scroller } from "./scroller.ts";

const UnreadBar = lazy(() => import("./unread-bar.tsx"));

export interface TimelineProps {
  channel: ChannelState;
  /** Rises when the reader sends something: then he is to see it. */
  sent: number;
}

export function Timeline(props: TimelineProps) {
  const id = untrack(() => props.channel.channel_id);
  const divider = dividerOf(id);
  const window = () => state.windows[id];
  // A window that begins behind the divider does not show where it stands.
  const divided = () => {
    const [shown, seq] = [window(), divider.seq()];
    return shown !== undefined && seq !== null && reaches(shown, seq) ? seq : null;
  };
  const lines = createMemo(
    (before: ReadonlyMap<string, Line>) => keepLines(before, linesOf(rowsOf(state, id), state.me?.user_id, divided())),
    new Map<string, Line>(),
  );
  const keys = createMemo(() => [...lines().keys()], [], { equals: sameKeys });
  const drawn = drawFromEnd(keys, untrack(() => divider.seq() === null && messageNamed(id) === null));
  const scroller = new Scroller(id, drawn);
  /** What came below where the reader is. */
  const waiting = () => (scroller.atEnd() ? 0 : unreadOf(state, id));
  createEffect(on(drawn.keys, () => scroller.settle()));
  createEffect(on(() => props.sent, () => void scroller.toPresent(), { defer: true }));
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
        keepReading(id, element, scroller, divider);
        rowKeys(element, props.channel);
      }}
    >
      <Show when={unreadBehind(id, divider, scroller)}>
        {(seq) => (
          <Part quiet>
            <UnreadBar channel={props.channel} after={seq()} onJump={() => void scroller.toDivider(seq())} onRead={() => markRead(id, divider)} />
          </Part>
        )}
      </Show>
      <div class="timeline-rows" ref={(element) => scroller.watch(element)}>
        <Show when={window()} fallback={<Skeleton rows />}>
          {(shown) => (
            <Show when={shown().start && drawn.isWhole() && keys().length >= 0}>
              <Beginning channel={props.channel} />
            </Show>
          )}
        </Show>
        <For each={drawn.keys()}>{(key) => <DrawnLine key={key} line={lines().get(key)} channel={props.channel} />}</For>
      </div>
      <Show when={window() !== undefined && (!window()?.head || scroller.isFar() || scroller.jumped() || waiting() > 0)}>
        <p class="older" role="status">
          <span class="cut">{waiting() > 0 ? tn("{count} new messages", waiting()) : t("You are viewing older messages.")}</span>
          <Button onClick={() => void scroller.toPresent()}>{t("Jump to present")}</Button>
          <Show when={scroller.jumped()}>
            <Button kind="quiet" onClick={() => void scroller.back()}>{t("Back")}</Button>
          </Show>
        </p>
      </Show>
    </section>
  );
}

function DrawnLine(props: { key: string; line: Line | undefined; channel: ChannelState }) {
  return (
    <Switch>
      <Match when={props.line?.kind === "day" && props.line}>
        {(line) => (
          <h2 class="day" data-key={props.key}>
            <button type="button" tabIndex={-1} data-tip={t("Jump to a day…")} onClick={() => jumpToDay(props.channel, line().at)}>
              {day(line().at, minute())}
            </button>
          </h2>
        )}
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
  // As it was when it was opened: what is above the first message stays until the reader goes.
  const empty = untrack(() => props.channel.last_seq === 0);
  const readable = () => permissions(props.channel.channel_id).has("READ_HISTORY");
  return (
    <div class="beginning">
      <p class="title">#{props.channel.name}</p>
      <p class="second">
        {readable() ? t("This is the start of #{channel}.", { channel: props.channel.name }) : t("You cannot read what was said here before.")}
      </p>
      <Show when={empty}>
        <Part quiet>
          <FirstLines channel={props.channel} />
        </Part>
      </Show>
    </div>
  );
}

/** The place of the divider where it is out of sight above, and something behind it is not read yet. */
function unreadBehind(id: ChannelState["channel_id"], divider: Divider, scroller: Scroller): number | undefined {
  const [shown, seq] = [state.windows[id], divider.seq()];
  if (shown === undefined || seq === null || unreadOf(state, id) === 0) return undefined;
  const before = !reaches(shown, seq) && (shown.messages[0]?.seq ?? 0) > seq;
  return before || scroller.dividerAbove() ? seq : undefined;
}

/** The message of a channel that the address names. */
function messageNamed(id: ChannelState["channel_id"]) {
  const at = route();
  return at.at === "channel" && at.channel === id ? at.message : null;
}

/** Where a channel opens: at the message that the address names, at the first unread one, or at the end. */
function openAt(channel: ChannelState, divider: Divider, scroller: Scroller): void {
  const id = channel.channel_id;
  const named = () => messageNamed(id);
  let there = true;
  onCleanup(() => (there = false));
  createEffect(
    on(named, (message) => {
      if (message === null) return;
      // Unless the reader went elsewhere meanwhile.
      void scroller.jump(message).then(() => there && untrack(named) === message && go(channelPath(channel.server_id, id), true));
    }),
  );
  if (untrack(named) === null && untrack(divider.seq) !== null) scroller.wantDivider();
  // What a device kept was shown before it was known what is unread.
  createEffect(
    on(
      divider.isKnown,
      () => {
        const seq = divider.seq();
        if (seq !== null && named() === null && scroller.atEnd()) void scroller.bringDivider(seq);
      },
      { defer: true },
    ),
  );
}

function sameKeys(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index]);
}
