// All keys that do something now, by where they do it.
import { For } from "solid-js";
import { keyNames } from "../../kit/chord.ts";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { say, t, type Sentence } from "../../lang/index.ts";
import { allCommands } from "../registry.ts";
import { PLACE_KEYS } from "./place-keys.ts";

interface Line {
  title: Sentence;
  keys: string;
}

export function openKeys(): void {
  openDialog((close) => (
    <Dialog title={t("Keyboard shortcuts")} onClose={close} wide>
      <div class="keys-sheet">
        <For each={groups()}>
          {([group, lines]) => (
            <section>
              <h2>{say(group)}</h2>
              <dl>
                <For each={lines}>
                  {(line) => (
                    <div>
                      <dt>{say(line.title)}</dt>
                      <dd><kbd>{keyNames(line.keys)}</kbd></dd>
                    </div>
                  )}
                </For>
              </dl>
            </section>
          )}
        </For>
      </div>
    </Dialog>
  ));
}

/** The table of commands, and what belongs to a place; nothing that is not there now. */
function groups(): [Sentence, Line[]][] {
  const commands = allCommands().map(({ group, title, keys, when }) => ({ group: group ?? ("On the page" as const), title, keys, when }));
  const found = new Map<Sentence, Line[]>([["Going about", []], ["On the page", []]]);
  for (const { group, title, keys, when } of [...commands, ...PLACE_KEYS]) {
    if (keys === undefined || when?.() === false) continue;
    found.set(group, [...(found.get(group) ?? []), { title, keys }]);
  }
  return [...found].filter(([, lines]) => lines.length > 0);
}
