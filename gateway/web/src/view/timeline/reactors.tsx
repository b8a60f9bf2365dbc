// Who reacted to a message, by emoji, page by page.
import type { ChannelState, Message, UserId } from "confab-client";
import { createEffect, createSignal, For, on, onCleanup, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { Meanwhile, type Change } from "../../app/meanwhile.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { roving } from "../../kit/roving.ts";
import { Tabs } from "../../kit/tabs.tsx";
import { t } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";
import { nameColour, shownName } from "../people/names.ts";

const PAGE = 50;

export function showReactors(channel: ChannelState, message: Message, emoji?: string): void {
  openDialog((close) => <Reactors channel={channel} message={message} emoji={emoji} close={close} />);
}

interface ReactorsProps {
  channel: ChannelState;
  message: Message;
  emoji: string | undefined;
  close: () => void;
}

function Reactors(props: ReactorsProps) {
  const { channel_id } = props.channel;
  const id = props.message.message_id;
  const reactions = () => (state.windows[channel_id]?.messages.find(({ message_id }) => message_id === id) ?? props.message).reactions;
  const [chosen, choose] = createSignal(props.emoji);
  // What nobody reacts with any more has no list.
  const current = () => reactions().find(({ emoji }) => emoji === chosen())?.emoji ?? reactions()[0]?.emoji;
  return (
    <Dialog title={t("Reactions")} onClose={props.close}>
      <Show when={current()} fallback={<p class="second">{t("Nobody reacts any more.")}</p>}>
        {(emoji) => (
          <Tabs
            label={t("Reactions")}
            tabs={reactions().map((one) => ({ id: one.emoji, label: `${one.emoji} ${one.count}` }))}
            current={emoji()}
            onChange={choose}
          >
            <Show when={emoji()} keyed>{(shown) => <People {...props} emoji={shown} />}</Show>
          </Tabs>
        )}
      </Show>
    </Dialog>
  );
}

function People(props: ReactorsProps & { emoji: string }) {
  const { channel_id, server_id } = props.channel;
  const { message_id } = props.message;
  const [users, setUsers] = createSignal<UserId[]>([]);
  const meanwhile = new Meanwhile<Set<UserId>>();
  const change = (how: Change<Set<UserId>>) => {
    const shown = new Set(users());
    how(shown);
    setUsers([...shown]);
  };
  /** Where the next page goes on. Those who react while this is shown are no place in that order. */
  let place: UserId | null = null;
  const [more, setMore] = createSignal(false);
  const [error, setError] = createSignal<string>();
  const fetchPage = async () => {
    try {
      const asking = client.call("message_reactions", server_id, { channel_id, message_id, emoji: props.emoji, after: place, limit: PAGE });
      const { reply, again } = await meanwhile.during(asking);
      const { user_ids } = reply;
      place = user_ids.at(-1) ?? place;
      client.meet(user_ids, server_id);
      change((shown) => {
        for (const user of user_ids) shown.add(user);
        again(shown);
      });
      setMore(user_ids.length === PAGE);
      setError(undefined);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
  };
  createEffect(on(() => props.emoji, () => void fetchPage()));
  onCleanup(
    client.on("event", ({ event }) => {
      if (event.name !== "reaction_added" && event.name !== "reaction_removed") return;
      const { user_id, emoji } = event.body;
      if (event.body.message_id !== message_id || emoji !== props.emoji) return;
      if (event.name === "reaction_added") client.meet([user_id], server_id);
      const how: Change<Set<UserId>> = event.name === "reaction_added" ? (shown) => shown.add(user_id) : (shown) => shown.delete(user_id);
      meanwhile.note(how);
      change(how);
    }),
  );
  return (
    <>
      <ul class="reactors" ref={(list) => roving(list, "li")}>
        <For each={users()}>
          {(user) => (
            <li tabIndex={-1}>
              <Avatar id={user} name={shownName(user, server_id)} picture={state.users[user]?.avatar} size={28} />
              <span class="cut author" classList={{ coloured: nameColour(user, server_id) !== undefined }} style={{ "--role": nameColour(user, server_id) }}>
                {shownName(user, server_id)}
              </span>
            </li>
          )}
        </For>
      </ul>
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Show when={more() || error() !== undefined}>
        <Button onClick={() => void fetchPage()}>{error() === undefined ? t("Show more") : t("Try again")}</Button>
      </Show>
    </>
  );
}
