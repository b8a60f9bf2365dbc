// The quick switcher: servers, channels, people and commands by a few letters of their names.
import { serversInOrder } from "confab-client";
import { createMemo, createSignal, For, Show } from "solid-js";
import { state } from "../../app/client.ts";
import { openChannel, openServer, readableChannels } from "../../app/place.ts";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { Icon } from "../../kit/icon.tsx";
import type { IconName } from "../../kit/icons.ts";
import { say, t } from "../../lang/index.ts";
import { keyNames } from "../chord.ts";
import { composing } from "../keys.ts";
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
  const [chosen, setChosen] = createSignal(0);
  const found = createMemo(() => rank(targets(), text(), ({ name }) => name).slice(0, MOST));
  const run = (target: Target | undefined) => {
    if (target === undefined) return;
    props.close();
    target.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (composing(event)) return;
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0) setChosen((before) => (before + by + found().length) % Math.max(1, found().length));
    else if (event.key === "Enter") run(found()[chosen()]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("Go to…")} onClose={props.close}>
      <div class="field">
        <input
          role="combobox"
          aria-label={t("Channel, server or command")}
          aria-expanded="true"
          aria-controls="switcher-list"
          aria-activedescendant={found().length > 0 ? `switch-${chosen()}` : undefined}
          placeholder={t("Channel, server or command")}
          autofocus
          value={text()}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setChosen(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id="switcher-list" class="options" role="listbox" aria-label={t("Found")}>
        <For each={found()} fallback={<p class="second">{t("Nothing has this name.")}</p>}>
          {(target, index) => (
            <div
              id={`switch-${index()}`}
              class="option"
              role="option"
              aria-selected={index() === chosen()}
              onPointerMove={() => setChosen(index())}
              onClick={() => run(target)}
            >
              <Icon name={target.icon} />
              <span class="cut">{target.name}</span>
              <span class="second cut">{target.of}</span>
              <Show when={target.keys}>{(keys) => <kbd>{keyNames(keys())}</kbd>}</Show>
            </div>
          )}
        </For>
      </div>
    </Dialog>
  );
}

function targets(): Target[] {
  const servers = serversInOrder(state);
  return [
    ...servers.flatMap(({ server }) =>
      readableChannels(server.server_id).map((channel): Target => ({
        id: `c${channel.channel_id}`,
        name: `#${channel.name}`,
        of: server.name,
        icon: "hash",
        run: () => openChannel(channel),
      })),
    ),
    ...servers.map(({ server }): Target => ({
      id: `s${server.server_id}`,
      name: server.name,
      of: t("Server"),
      icon: "home",
      run: () => openServer(server.server_id),
    })),
    ...allCommands()
      .filter(({ hidden, when }) => !hidden && (when?.() ?? true))
      .map((command): Target => ({
        id: command.id,
        name: say(command.title),
        of: "",
        icon: command.icon ?? "more",
        keys: command.keys,
        run: command.run,
      })),
  ];
}
