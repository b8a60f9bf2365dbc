// The channels of a server, and below them who one is.
import { channelSections, mentionsIn, unreadOf, type ChannelState, type ServerState } from "confab-client";
import { createSignal, For, Show } from "solid-js";
import { state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { currentChannel, currentServer, openChannel } from "../../app/place.ts";
import { settings } from "../../app/settings.ts";
import { Icon } from "../../kit/icon.tsx";
import type { IconName } from "../../kit/icons.ts";
import { IconButton } from "../../kit/button.tsx";
import { openMenu } from "../../kit/menu.tsx";
import { roving } from "../../kit/roving.ts";
import { t, tn } from "../../lang/index.ts";
import { showPane } from "../panel.ts";
import { layerPages, menuOf } from "../registry.ts";
import { openLayer } from "../panel.ts";
import { Avatar } from "../people/avatar.tsx";
import { ListEdge } from "./edge.tsx";

const ICONS: Record<ChannelState["kind"], IconName> = {
  text: "hash",
  announcement: "megaphone",
  voice: "speaker",
  forum: "bubble",
  category: "folder",
  separator: "minus",
};

export const iconOf = (channel: ChannelState): IconName => ICONS[channel.kind];

export function ChannelList() {
  return (
    <nav class="list" aria-label={t("Channels")} data-region tabIndex={-1}>
      <Show when={currentServer()}>{(server) => <Header server={server()} />}</Show>
      <div class="list-channels" ref={(list) => roving(list, ".list-row")}>
        <Show when={currentServer()?.server.server_id}>
          {(server) => <For each={sections(server())}>{(section) => <Section {...section} />}</For>}
        </Show>
      </div>
      <OwnCard />
      <ListEdge width={settings.listWidth} />
    </nav>
  );
}

function sections(server: ServerState["server"]["server_id"]) {
  return channelSections(state, server).filter(({ category, channels }) => category !== null || channels.length > 0);
}

function Header(props: { server: ServerState }) {
  const menu = () => menuOf("server", { server: props.server });
  const open = (event: MouseEvent & { currentTarget: HTMLElement }) =>
    openMenu(props.server.server.name, menu(), event.currentTarget);
  const name = () => <h2 class="cut">{props.server.server.name}</h2>;
  return (
    <header class="bar">
      <Show when={menu().some((item) => item !== null)} fallback={name()}>
        <button type="button" class="list-server" aria-haspopup="menu" onClick={open}>
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

function Section(props: { category: ChannelState | null; channels: ChannelState[] }) {
  const isClosed = () => props.category !== null && closed().has(props.category.channel_id);
  // A closed category still shows what waits in it, and where the reader is.
  const shown = () =>
    isClosed() ? props.channels.filter((channel) => isUnread(channel) || isCurrent(channel)) : props.channels;
  return (
    <section>
      <Show when={props.category}>
        {(category) => (
          <button
            type="button"
            class="list-row category"
            aria-expanded={!isClosed()}
            onClick={() => toggle(category().channel_id)}
            onContextMenu={(event) => {
              if (event.shiftKey) return;
              event.preventDefault();
              openMenu(category().name, menuOf("category", { channel: category() }), event);
            }}
          >
            <span class="cut">{category().name}</span>
            <Icon name="chevron" />
          </button>
        )}
      </Show>
      <For each={shown()}>{(channel) => <ChannelRow channel={channel} />}</For>
    </section>
  );
}

const isUnread = ({ channel_id }: ChannelState) => unreadOf(state, channel_id) > 0;
const isCurrent = ({ channel_id }: ChannelState) => currentChannel()?.channel_id === channel_id;

function ChannelRow(props: { channel: ChannelState }) {
  const mentions = () => mentionsIn(state, props.channel.channel_id);
  const draft = () => !isCurrent(props.channel) && (state.drafts[props.channel.channel_id]?.text ?? "") !== "";
  const unread = () => isUnread(props.channel) && !isCurrent(props.channel);
  const label = () => {
    const parts = [props.channel.name];
    if (mentions() > 0) parts.push(tn("{count} mentions", mentions()));
    else if (unread()) parts.push(t("unread"));
    if (draft()) parts.push(t("draft"));
    return parts.join(", ");
  };
  const menu = (event: MouseEvent & { currentTarget: HTMLElement }) => {
    if (event.shiftKey) return;
    event.preventDefault();
    openMenu(props.channel.name, menuOf("channel", { channel: props.channel }), event.clientX > 0 ? event : event.currentTarget);
  };
  return (
    <Show when={props.channel.kind !== "separator"} fallback={<div class="list-line" role="separator" onContextMenu={menu} />}>
      <button
        type="button"
        class="list-row"
        classList={{ unread: unread(), muted: props.channel.kind === "voice" || props.channel.kind === "forum" }}
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

function OwnCard() {
  const presence = () => {
    const kind = state.status?.status;
    return kind === "invisible" ? "offline" : (kind ?? "online");
  };
  const text = () => {
    const status = state.status;
    return status !== null && (status.until === null || status.until > minute()) ? status.text : "";
  };
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
            <Avatar id={me().user_id} name={me().name} picture={me().avatar} size={32} presence={presence()} />
            <span class="own-text">
              <span class="cut">{me().name}</span>
              <Show when={text()}>{(said) => <span class="meta cut">{said()}</span>}</Show>
            </span>
          </button>
          <Show when={layerPages("settings").length > 0}>
            <IconButton icon="settings" label={t("Settings")} keys="Ctrl ," onClick={() => openLayer("settings")} />
          </Show>
        </div>
      )}
    </Show>
  );
}
