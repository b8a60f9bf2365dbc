// Who reacted to a message, by emoji, page by page.
import type { ChannelState, Message, UserId } from "confab-client";
import { createSignal, For, onCleanup, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { pageBehind, paged } from "../../app/paged.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { roving } from "../../kit/roving.ts";
import { Tabs } from "../../kit/tabs.tsx";
import { t } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";
import { Name } from "../people/name.tsx";
import { shownName } from "../people/names.ts";

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
  // Those who react while this is shown are no place in the order of the pages, and come again in one of them.
  const users = paged<UserId, UserId>(
    async (after) => {
      const asked = { channel_id, message_id, emoji: props.emoji, after, limit: PAGE };
      const { user_ids } = await client.call("message_reactions", server_id, asked);
      client.meet(user_ids, server_id);
      return pageBehind(user_ids, PAGE, (user) => user);
    },
    { join: (before, page) => [...new Set([...before, ...page])] },
  );
  onCleanup(
    client.on("event", ({ event }) => {
      if (event.name !== "reaction_added" && event.name !== "reaction_removed") return;
      const { user_id, emoji } = event.body;
      if (event.body.message_id !== message_id || emoji !== props.emoji) return;
      const isAdded = event.name === "reaction_added";
      if (isAdded) client.meet([user_id], server_id);
      users.change((shown) => (isAdded ? [...new Set([...shown, user_id])] : shown.filter((user) => user !== user_id)));
    }),
  );
  return (
    <>
      <ul class="reactors" ref={(list) => roving(list, "li")}>
        <For each={users.rows()}>
          {(user) => (
            <li tabIndex={-1}>
              <Avatar id={user} name={shownName(user, server_id)} picture={state.users[user]?.avatar} size={28} />
              <Name user={user} server={server_id} class="cut" />
            </li>
          )}
        </For>
      </ul>
      <Show when={users.error()} fallback={<Show when={users.more()}>{(more) => <Button busy={users.busy()} onClick={() => more()()}>{t("Show more")}</Button>}</Show>}>
        {(text) => (
          <>
            <p class="error" role="alert">{text()}</p>
            <Button busy={users.busy()} onClick={users.retry}>{t("Try again")}</Button>
          </>
        )}
      </Show>
    </>
  );
}
