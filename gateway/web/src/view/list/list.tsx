// The channels of a server, and below them who one is.
import { mentionsIn, mutedUntil, showsUnread, type ChannelId, type ChannelState, type ServerId, type ServerState } from "confab-client";
import { createMemo, createSignal, For, Show } from "solid-js";
import { state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { currentChannel, currentServer, openChannel } from "../../app/place.ts";
import { settings } from "../../app/settings.ts";
import { Icon } from "../../kit/icon.tsx";
import { IconButton } from "../../kit/button.tsx";
import { openMenu } from "../../kit/menu.tsx";
import { reorder } from "../../kit/reorder.ts";
import { roving } from "../../kit/roving.ts";
import { t, tn } from "../../lang/index.ts";
import { listIn } from "../channels/move.ts";
import { iconOf } from "../channels/icon.ts";
import { openCreate } from "../channels/open.tsx";
import { CHANNELS } from "../channels/ordering.ts";
import { InboxEntry } from "../inbox/entry.tsx";
import { waits } from "../inbox/read.ts";
import { openLayer, pane, showPane } from "../panel.ts";
import { menuOf } from "../registry.ts";
import { serverPermissions } from "../rights.ts";
import { Avatar } from "../people/avatar.tsx";
import { ownLook, ownStatus } from "../people/status.ts";
import { Connection } from "../shell/connection.tsx";
import { ListEdge } from "./edge.tsx";

export function ChannelList() {
  return (
    <nav class="list" aria-label={t("Channels")} data-region tabIndex={-1}>
      <Show when={currentServer()}>{(server) => <Header server={server()} />}</Show>
      {/* Where this is all that a phone shows: else it stands above the channel. */}
      <Show when={pane() === "lists"}><Connection /></Show>
      <div class="list-channels" {...reorder(CHANNELS)} ref={(list) => roving(list, ".list-row")}>
        <InboxEntry />
        <Show when={currentServer()?.server.server_id}>{(server) => <Sections server={server()} />}</Show>
      </div>
      <OwnCard />
      <ListEdge width={settings.listWidth} />
    </nav>
  );
}

/** By their ids, so that what moves is the same row elsewhere. */
function Sections(props: { server: ServerId }) {
  // A category in which one sees nothing is for those who could fill it.
  const mayFill = () => serverPermissions(props.server).has("MANAGE_CHANNELS");
  const sections = createMemo(() => listIn(props.server).filter(({ channels }) => channels.length > 0 || mayFill()));
  const channels = (category: ChannelId | 0) => sections().find((section) => (section.category ?? 0) === category)?.channels ?? [];
  return (
    <For each={sections().map(({ category }) => category ?? 0)}>
      {(category) => <Section category={category === 0 ? undefined : category} channels={channels(category)} />}
    </For>
  );
}

function Header(props: { server: ServerState }) {
  const menu = () => menuOf("server", { server: props.server });
  const open = (event: MouseEvent & { currentTarget: HTMLElement }) =>
    openMenu(props.server.server.name, menu(), event.currentTarget);
  const name = () => <h2>{props.server.server.name}</h2>;
  return (
    <header class="bar">
      <Show when={menu().some((item) => item !== null)} fallback={name()}>
        <button type="button" class="list-server" aria-haspopup="menu" data-tip={props.server.server.name} onClick={open}>
          {name()}
          <Icon name="chevron" />
        </button>
      </Show>
    </header>
  );
}

const [closed, setClosed] = createSignal<ReadonlySet<number>>(new Set());

function toggle(category: number): void {
  const next = new Set(closed());
  if (!next.delete(category)) next.add(category);
  setClosed(next);
}

function Section(props: { category: ChannelId | undefined; channels: readonly ChannelId[] }) {
  const category = () => (props.category === undefined ? undefined : state.channels[props.category]);
  const isClosed = () => props.category !== undefined && closed().has(props.category);
  // A closed category still shows what waits in it, and where the reader is.
  const shown = () =>
    isClosed() ? props.channels.filter((id) => isCurrent({ channel_id: id }) || waitsIn(state.channels[id])) : props.channels;
  return (
    <section data-category={props.category}>
      <Show when={category()}>
        {(category) => <Heading category={category()} isClosed={isClosed()} />}
      </Show>
      <For each={shown()}>{(id) => <Show when={state.channels[id]}>{(channel) => <ChannelRow channel={channel()} />}</Show>}</For>
    </section>
  );
}

function Heading(props: { category: ChannelState; isClosed: boolean }) {
  const mayCreate = () => serverPermissions(props.category.server_id).has("MANAGE_CHANNELS");
  return (
    <div class="list-heading">
      <button
        type="button"
        class="list-row category"
        data-channel={props.category.channel_id}
        aria-expanded={!props.isClosed}
        onClick={() => toggle(props.category.channel_id)}
        onContextMenu={(event) => {
          if (event.shiftKey) return;
          event.preventDefault();
          openMenu(props.category.name, menuOf("category", { channel: props.category }), event.clientX > 0 ? event : event.currentTarget);
        }}
      >
        <span class="cut">{props.category.name}</span>
        <Icon name="chevron" />
      </button>
      <Show when={mayCreate()}>
        {/* By keys it is in the menu of the category: the list is one tab stop. */}
        <IconButton
          icon="plus"
          label={t("Create a channel in {category}", { category: props.category.name })}
          tabIndex={-1}
          onClick={() => openCreate(props.category.server_id, props.category.channel_id)}
        />
      </Show>
    </div>
  );
}

const waitsIn = (channel: ChannelState | undefined) => channel !== undefined && waits(channel);
const isCurrent = ({ channel_id }: Pick<ChannelState, "channel_id">) => currentChannel()?.channel_id === channel_id;

function ChannelRow(props: { channel: ChannelState }) {
  const mentions = () => mentionsIn(state, props.channel.channel_id);
  const draft = () => !isCurrent(props.channel) && (state.drafts[props.channel.channel_id]?.text ?? "") !== "";
  const unread = () => showsUnread(state, props.channel.channel_id, minute()) && !isCurrent(props.channel);
  const muted = () => mutedUntil(state, props.channel.channel_id, minute()) !== null;
  const label = () => {
    const parts = [props.channel.name];
    if (mentions() > 0) parts.push(tn("{count} mentions", mentions()));
    else if (unread()) parts.push(t("unread"));
    if (muted()) parts.push(t("muted"));
    if (draft()) parts.push(t("draft"));
    return parts.join(", ");
  };
  const menu = (event: MouseEvent & { currentTarget: HTMLElement }) => {
    if (event.shiftKey) return;
    event.preventDefault();
    openMenu(props.channel.name, menuOf("channel", { channel: props.channel }), event.clientX > 0 ? event : event.currentTarget);
  };
  return (
    <Show when={props.channel.kind !== "separator"} fallback={<Separator channel={props.channel} onMenu={menu} />}>
      <button
        type="button"
        class="list-row"
        data-channel={props.channel.channel_id}
        classList={{ unread: unread(), muted: muted() || props.channel.kind === "voice" || props.channel.kind === "forum" }}
        aria-current={isCurrent(props.channel) ? "page" : undefined}
        aria-label={label()}
        onClick={() => {
          openChannel(props.channel);
          showPane("channel");
        }}
        onContextMenu={menu}
      >
        <Icon name={iconOf(props.channel)} />
        <span class="cut">{props.channel.name}</span>
        <Show when={draft()}>
          <Icon name="edit" />
        </Show>
        <Show when={mentions() > 0}>
          <span class="badge" data-count={mentions() > 99 ? "99+" : mentions()} />
        </Show>
      </button>
    </Show>
  );
}

function Separator(props: { channel: ChannelState; onMenu: (event: MouseEvent & { currentTarget: HTMLElement }) => void }) {
  return <div class="list-line" role="separator" data-channel={props.channel.channel_id} onContextMenu={(event) => props.onMenu(event)} />;
}

function OwnCard() {
  return (
    <Show when={state.me}>
      {(me) => (
        <div class="own-card">
          <button
            type="button"
            class="own-name"
            aria-haspopup="menu"
            onClick={(event) => openMenu(me().name, menuOf("account", {}), event.currentTarget, "above")}
          >
            <Avatar id={me().user_id} name={me().name} picture={me().avatar} size={32} presence={ownLook()} />
            <span class="own-text">
              <span class="cut">{me().name}</span>
              <Show when={ownStatus().text}>{(said) => <span class="meta cut">{said()}</span>}</Show>
            </span>
          </button>
          <IconButton icon="settings" label={t("Settings")} keys="Ctrl+Comma" onClick={() => openLayer("settings")} />
        </div>
      )}
    </Show>
  );
}
