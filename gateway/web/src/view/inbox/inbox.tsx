// The inbox: what calls upon the reader, and where something is unread, of all servers.
import { mentionsIn, serversInOrder, unreadOf, type ChannelState, type MentioningMessage, type ServerState } from "confab-client";
import { createEffect, createSignal, For, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { openChannel } from "../../app/place.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { Icon } from "../../kit/icon.tsx";
import { roving } from "../../kit/roving.ts";
import { Tabs } from "../../kit/tabs.tsx";
import { t, tn } from "../../lang/index.ts";
import { Hit } from "../found/hit.tsx";
import { iconOf } from "../channels/icon.ts";
import { BESIDE, closePanel, showPane } from "../panel.ts";
import { Skeleton } from "../shell/skeleton.tsx";
import { markAllRead, markChannelRead, markServerRead, unreadChannels } from "./read.ts";
import { load, mentions } from "./store.ts";
import "./inbox.css";

type Tab = "mentions" | "unread";
const [tab, setTab] = createSignal<Tab>("mentions");

const unreadServers = () => serversInOrder(state).filter(({ server }) => unreadChannels(server.server_id).length > 0);

export default function Inbox() {
  createEffect(() => void (state.connection.state === "open" && load()));
  const channels = () => unreadServers().reduce((count, { server }) => count + unreadChannels(server.server_id).length, 0);
  return (
    <div class="inbox-panel">
      <Tabs
        label={t("Inbox")}
        tabs={[
          { id: "mentions", label: t("Mentions"), count: state.mentions.length },
          { id: "unread", label: t("Unread"), count: channels() },
        ]}
        current={tab()}
        onChange={setTab}
      >
        <Show when={tab() === "mentions"} fallback={<Unread />}><Mentions /></Show>
      </Tabs>
    </div>
  );
}

function Mentions() {
  const seen = () => (mentions.rows() ?? []).filter(({ channel_id }) => state.channels[channel_id] !== undefined);
  return (
    <div class="found" ref={(list) => roving(list, "[data-hit]")}>
      <For each={seen()} fallback={<Show when={mentions.rows() !== undefined && !mentions.busy()}><p class="found-empty">{t("Nothing waits for you.")}</p></Show>}>
        {(one) => <MentionRow one={one} />}
      </For>
      <Show when={mentions.busy() && seen().length === 0}><Skeleton rows /></Show>
      <Show when={mentions.error()} fallback={<Show when={mentions.more()}>{(more) => <End text={t("Show more")} onClick={more()} />}</Show>}>
        {(text) => <End error={text()} text={t("Try again")} onClick={mentions.retry} />}
      </Show>
    </div>
  );
}

function End(props: { error?: string; text: string; onClick: () => void }) {
  return (
    <div class="found-end">
      <Show when={props.error}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Button busy={mentions.busy()} onClick={() => props.onClick()}>{props.text}</Button>
    </div>
  );
}

function MentionRow(props: { one: MentioningMessage }) {
  const { channel_id, server_id } = props.one;
  const isRead = () => (state.cursors[channel_id]?.seq ?? (props.one.read ? Infinity : 0)) >= props.one.message.seq;
  return (
    <Show when={state.channels[channel_id]}>
      {(channel) => (
        <Hit
          message={props.one.message}
          channel={channel()}
          where={`#${channel().name} · ${state.servers[server_id]?.server.name ?? ""}`}
          strong={!isRead()}
          actions={
            <Show when={!isRead()}>
              <IconButton icon="check" label={t("Mark as read")} onClick={() => client.read(channel_id, props.one.message.seq)} />
            </Show>
          }
        />
      )}
    </Show>
  );
}

function Unread() {
  return (
    <div class="found" ref={(list) => roving(list, ".list-row")}>
      <Show when={unreadServers().length > 0} fallback={<p class="found-empty">{t("Everything is read.")}</p>}>
        <div class="found-end"><Button icon="check" onClick={markAllRead}>{t("Mark everything as read")}</Button></div>
        <For each={unreadServers()}>{(server) => <UnreadServer server={server} />}</For>
      </Show>
    </div>
  );
}

function UnreadServer(props: { server: ServerState }) {
  const id = () => props.server.server.server_id;
  return (
    <section class="found-group">
      <div class="inbox-line">
        <h3 class="found-heading"><span class="cut">{props.server.server.name}</span></h3>
        <IconButton icon="check" label={t("Mark {name} as read", { name: props.server.server.name })} onClick={() => markServerRead(id())} />
      </div>
      <For each={unreadChannels(id())}>{(channel) => <UnreadRow channel={channel} />}</For>
    </section>
  );
}

function UnreadRow(props: { channel: ChannelState }) {
  const unread = () => unreadOf(state, props.channel.channel_id);
  const called = () => mentionsIn(state, props.channel.channel_id);
  const open = () => {
    if (!BESIDE.matches) closePanel();
    openChannel(props.channel);
    showPane("channel");
  };
  return (
    <div class="inbox-line">
      <button type="button" class="list-row unread" onClick={open}>
        <Icon name={iconOf(props.channel)} />
        <span class="cut">{props.channel.name}</span>
        <Show when={unread() > 0}><span class="meta">{tn("{count} new", unread())}</span></Show>
        <Show when={called() > 0}>
          <span class="badge" role="img" aria-label={tn("{count} mentions", called())} data-count={called() > 99 ? "99+" : called()} />
        </Show>
      </button>
      <IconButton icon="check" label={t("Mark {name} as read", { name: `#${props.channel.name}` })} onClick={() => markChannelRead(props.channel)} />
    </div>
  );
}
