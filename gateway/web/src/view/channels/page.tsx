// The channels of a server: their order, and one of them beside it with who may do what there.
import { LIMITS, type ChannelId, type ChannelState, type ServerId } from "confab-client";
import { For, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { currentServer } from "../../app/place.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { Area, Field } from "../../kit/field.tsx";
import { SaveBar, Section, Select } from "../../kit/form.tsx";
import { Icon } from "../../kit/icon.tsx";
import { openMenu } from "../../kit/menu.tsx";
import { reorder, stepByKeys } from "../../kit/reorder.ts";
import { roving } from "../../kit/roving.ts";
import { leave } from "../../kit/unsaved.ts";
import { t } from "../../lang/index.ts";
import { iconOf } from "./icon.ts";
import { menuOf } from "../registry.ts";
import { permissions, serverPermissions } from "../rights.ts";
import { chosenChannel, setChosenChannel, setChosenTarget } from "./configure.ts";
import { listIn } from "./move.ts";
import { openCreate } from "./open.tsx";
import { CHANNELS } from "./ordering.ts";
import { Overrides } from "./overrides.tsx";
import { slowModes } from "./slow.ts";
import "../server/columns.css";
import "./channels.css";

export default function Channels() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <Page server={server} />}</Show>;
}

function Page(props: { server: ServerId }) {
  const all = () => listIn(props.server).flatMap(({ category, channels }) => (category === null ? channels : [category, ...channels]));
  const chosen = () => all().find((id) => id === chosenChannel());
  const shown = () => chosen() ?? all()[0];
  return (
    <div class="columns" classList={{ chosen: chosen() !== undefined }}>
      <div class="columns-list">
        <List server={props.server} shown={shown()} />
        <Show when={serverPermissions(props.server).has("MANAGE_CHANNELS")}>
          <Button icon="plus" onClick={() => openCreate(props.server)}>{t("Create a channel")}</Button>
        </Show>
      </div>
      <Show when={shown()} keyed>
        {(id) => (
          <div class="columns-detail">
            <Button class="columns-back" kind="quiet" icon="back" onClick={() => choose(undefined)}>{t("All channels")}</Button>
            <Show when={state.channels[id]}>{(channel) => <Detail channel={channel()} />}</Show>
          </div>
        )}
      </Show>
    </div>
  );
}

const choose = (id: ChannelId | undefined) =>
  leave(() => {
    setChosenChannel(id);
    setChosenTarget(undefined);
  });

function List(props: { server: ServerId; shown: ChannelId | undefined }) {
  return (
    <div
      {...reorder(CHANNELS)}
      class="columns-rows"
      role="group"
      aria-label={t("Channels")}
      ref={(list) => roving(list, ".columns-link")}
      onKeyDown={(event) => stepByKeys(CHANNELS, event)}
    >
      <For each={listIn(props.server).map(({ category }) => category ?? 0)}>
        {(category) => (
          <div data-category={category === 0 ? undefined : category}>
            <Show when={category !== 0 && state.channels[category as ChannelId]}>
              {(channel) => <Row channel={channel()} isShown={props.shown === category} />}
            </Show>
            <For each={listIn(props.server).find((section) => (section.category ?? 0) === category)?.channels ?? []}>
              {(id) => <Show when={state.channels[id]}>{(channel) => <Row channel={channel()} isShown={props.shown === id} />}</Show>}
            </For>
          </div>
        )}
      </For>
    </div>
  );
}

function Row(props: { channel: ChannelState; isShown: boolean }) {
  const kind = () => (props.channel.kind === "category" ? "category" : "channel");
  const menu = () => menuOf(kind(), { channel: props.channel });
  const name = () => nameOf(props.channel);
  return (
    <div class="columns-row" classList={{ "in-category": props.channel.kind !== "category" && props.channel.parent_id !== null }}>
      <button
        type="button"
        class="columns-link"
        data-channel={props.channel.channel_id}
        aria-current={props.isShown ? "true" : undefined}
        onClick={() => choose(props.channel.channel_id)}
      >
        <Icon name={iconOf(props.channel)} />
        <span class="cut">{name()}</span>
      </button>
      <Show when={CHANNELS.mayMove(props.channel.channel_id)}>
        <IconButton icon="more" label={t("More about {name}", { name: name() })} onClick={(event) => openMenu(name(), menu(), event.currentTarget)} />
      </Show>
    </div>
  );
}

const nameOf = ({ kind, name }: ChannelState) => (kind === "separator" ? t("Separator") : name);

function Detail(props: { channel: ChannelState }) {
  const may = () => permissions(props.channel.channel_id);
  return (
    <>
      <h2 class="title">{nameOf(props.channel)}</h2>
      <Show when={may().has("MANAGE_CHANNELS") && props.channel.kind !== "separator"}>
        <About channel={props.channel} />
      </Show>
      <Show when={may().has("MANAGE_ROLES") && serverPermissions(props.channel.server_id).has("MANAGE_ROLES")} fallback={<p class="second">{t("Only those who manage roles can change permissions here.")}</p>}>
        <Overrides channel={props.channel} />
      </Show>
    </>
  );
}

function About(props: { channel: ChannelState }) {
  const { server_id, channel_id, kind } = props.channel;
  const hasMessages = kind === "text" || kind === "announcement";
  const form = useForm({
    start: () => {
      const { name, topic, slow_mode } = props.channel;
      return { name, topic, slow_mode };
    },
    check: ({ name }) => ({ name: name.trim() === "" ? t("Enter a name.") : undefined }),
    save: (changed) => client.call("channel_update", server_id, { channel_id, ...changed }),
  });
  return (
    <form {...form.root}>
      <Section title={kind === "category" ? t("Category") : t("Channel")}>
        <Field label={t("Name")} maxlength={LIMITS.MAX_TITLE_CHARS} autocomplete="off" {...form.text("name")} />
        <Show when={hasMessages}>
          <Area label={t("Topic")} hint={t("Shown beside the name.")} rows={2} maxlength={LIMITS.MAX_TOPIC_CHARS} {...form.text("topic")} />
          <Select label={t("Slow mode")} hint={t("How long each member waits between two messages.")} options={slowModes(form.values().slow_mode)} {...form.pick("slow_mode")} />
        </Show>
      </Section>
      <SaveBar form={form} />
    </form>
  );
}
