// The quick switcher: channels, people, servers and commands by a few letters of their names; @, # and * ask for one kind.
import { LIMITS, serversInOrder, type ChannelState, type UserId } from "confab-client";
import { createMemo, createResource, createSignal, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { currentChannel, currentServer, openChannel, openServer, readableChannels, recentChannels } from "../../app/place.ts";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { Icon } from "../../kit/icon.tsx";
import type { IconName } from "../../kit/icons.ts";
import { comboboxOf, Options, useOptions } from "../../kit/options.tsx";
import { say, t } from "../../lang/index.ts";
import { keyNames } from "../../kit/chord.ts";
import { showPane } from "../panel.ts";
import { openMember } from "../people/card.ts";
import { shownName } from "../people/names.ts";
import { allCommands } from "../registry.ts";
import { rank } from "./rank.ts";

interface Target {
  id: string;
  name: string;
  /** Where it is. */
  of: string;
  icon: IconName;
  keys?: string | undefined;
  run: () => void;
}

const MOST = 12;

export function openSwitcher(): void {
  openDialog((close) => <Switcher close={close} />);
}

function Switcher(props: { close: () => void }) {
  const [text, setText] = createSignal("");
  const sign = () => /^[@#*]/.exec(text())?.[0];
  const sought = () => text().replace(/^[@#*]/, "").trim();
  // People who were not met yet.
  const [others] = createResource(() => (sign() === "@" && sought() !== "" ? sought() : false), findPeople);
  const found = createMemo(() => {
    const known = rank(targets(sign()), sought(), ({ name }) => name);
    const more = sign() === "@" ? (others.latest ?? []).filter(({ id }) => !known.some((one) => one.id === id)) : [];
    return [...known, ...more].slice(0, MOST);
  });
  const take = (target: Target) => {
    props.close();
    target.run();
  };
  const list = useOptions<Target>({ all: found, take });
  return (
    <Dialog title={t("Go to…")} onClose={props.close}>
      <div class="field">
        <input
          {...comboboxOf(list)}
          autocomplete="off"
          aria-label={t("Channel, person, server or command")}
          aria-describedby="switcher-hint"
          placeholder={t("Channel, person, server or command")}
          autofocus
          value={text()}
          onInput={(event) => {
            setText(event.currentTarget.value);
            list.choose(0);
          }}
          onKeyDown={list.onKey}
        />
        <p id="switcher-hint" class="meta">{t("@ people, # channels, * servers")}</p>
      </div>
      <Options of={list} label={t("Found")}>
        {(target) => (
          <>
            <Icon name={target.icon} />
            <span class="cut">{target.name}</span>
            <span class="second cut">{target.of}</span>
            <Show when={target.keys}>{(keys) => <kbd>{keyNames(keys())}</kbd>}</Show>
          </>
        )}
      </Options>
      <Show when={found().length === 0}>
        <p class="second" role="status">{others.loading ? "…" : t("Nothing has this name.")}</p>
      </Show>
    </Dialog>
  );
}

/** What can be gone to, all of it or one kind; where one was last comes first. */
function targets(sign: string | undefined): Target[] {
  if (sign === "@") return people();
  if (sign === "#") return channels();
  if (sign === "*") return servers();
  return [...channels(), ...servers(), ...people(), ...commands()];
}

function channels(): Target[] {
  const here = currentChannel()?.channel_id;
  const recent = recentChannels();
  const age = ({ channel_id }: ChannelState) => (recent.includes(channel_id) && channel_id !== here ? recent.indexOf(channel_id) : recent.length);
  return serversInOrder(state)
    .flatMap(({ server }) => readableChannels(server.server_id).map((channel) => ({ channel, of: server.name })))
    .sort((a, b) => age(a.channel) - age(b.channel))
    .map(({ channel, of }) => ({
      id: `c${channel.channel_id}`,
      name: `#${channel.name}`,
      of,
      icon: "hash",
      run: () => {
        openChannel(channel);
        showPane("channel");
      },
    }));
}

function servers(): Target[] {
  return serversInOrder(state).map(({ server }) => ({
    id: `s${server.server_id}`,
    name: server.name,
    of: t("Server"),
    icon: "home",
    run: () => openServer(server.server_id),
  }));
}

function people(): Target[] {
  const known = Object.values(state.users).filter(({ user_id, deleted }) => !deleted && user_id !== state.me?.user_id);
  return known.map(({ user_id, name }) => {
    const shown = shownName(user_id, currentServer()?.server.server_id);
    return personTarget(user_id, shown === name ? name : `${shown} (${name})`);
  });
}

function personTarget(user: UserId, name: string): Target {
  // The card stands beside the name of what is shown.
  const beside = () => document.querySelector<HTMLElement>(".channel > .bar h1") ?? document.body;
  return { id: `u${user}`, name, of: t("Person"), icon: "person", run: () => openMember(user, currentServer()?.server.server_id, beside()) };
}

async function findPeople(prefix: string): Promise<Target[]> {
  const reply = await client.call("users_search", 0, { prefix: prefix.slice(0, LIMITS.MAX_NAME_CHARS), limit: MOST }, { patience: 0 }).catch(() => undefined);
  return (reply?.users ?? []).filter(({ user_id }) => user_id !== state.me?.user_id).map(({ user_id, name }) => personTarget(user_id, name));
}

function commands(): Target[] {
  return allCommands()
    .filter(({ hidden, when }) => !hidden && (when?.() ?? true))
    .map((command) => ({
      id: command.id,
      name: say(command.title),
      of: "",
      icon: command.icon ?? "more",
      keys: command.keys,
      run: command.run,
    }));
}
