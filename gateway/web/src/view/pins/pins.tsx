// All pinned messages of the channel that is shown, the last pinned first.
import type { ChannelId, ChannelState, Pin } from "confab-client";
import { createEffect, For, Show } from "solid-js";
import { act, sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { currentChannel } from "../../app/place.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { roving } from "../../kit/roving.ts";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { Hit } from "../found/hit.tsx";
import { shownName } from "../people/names.ts";
import { permissions } from "../rights.ts";
import { Skeleton } from "../shell/skeleton.tsx";
import { fetchPins, knowPins, morePins, pinsOf } from "./store.ts";

export default function Pins() {
  return <Show when={currentChannel()?.channel_id} keyed>{(id) => <List id={id} />}</Show>;
}

function List(props: { id: ChannelId }) {
  const { id } = props;
  const channel = () => state.channels[id];
  createEffect(() => {
    const known = channel();
    if (known !== undefined && permissions(id).has("READ_HISTORY")) knowPins(known);
  });
  const known = () => pinsOf(id);
  return (
    <div class="found" ref={(list) => roving(list, "[data-hit]")}>
      <Show when={known()?.error}>
        {(error) => (
          <div class="found-end">
            <p class="error">{sentenceOf(error())}</p>
            <Button onClick={() => void fetchPins(id)}>{t("Try again")}</Button>
          </div>
        )}
      </Show>
      <Show when={known()?.known} fallback={<Show when={!known()?.error}><Skeleton rows /></Show>}>
        <Show when={channel()}>
          {(shown) => (
            <For each={known()?.list} fallback={<Empty channel={shown()} />}>{(pin) => <Pinned pin={pin} channel={shown()} />}</For>
          )}
        </Show>
        <Show when={known()?.more}>
          <div class="found-end"><Button onClick={() => void act(morePins(id))}>{t("Show more")}</Button></div>
        </Show>
      </Show>
    </div>
  );
}

function Pinned(props: { pin: Pin; channel: ChannelState }) {
  const { message } = props.pin;
  const { channel_id, server_id } = props.channel;
  const by = () => t("Pinned by {name}, {time}", { name: shownName(props.pin.user_id, server_id), time: moment(props.pin.pinned_at, minute()) });
  const unpin = () => act(client.call("message_unpin", server_id, { channel_id, message_id: message.message_id }));
  return (
    <Hit
      message={message}
      channel={props.channel}
      note={by()}
      strong
      actions={
        <Show when={permissions(channel_id).has("PIN_MESSAGES")}>
          <IconButton icon="close" label={t("Unpin")} onClick={() => void unpin()} />
        </Show>
      }
    />
  );
}

function Empty(props: { channel: ChannelState }) {
  const may = () => permissions(props.channel.channel_id).has("PIN_MESSAGES");
  return (
    <div class="found-empty">
      <p>{t("Nothing is pinned here.")}</p>
      <Show when={may()}><p class="second">{t("Pin a message from its menu, or with P.")}</p></Show>
    </div>
  );
}
