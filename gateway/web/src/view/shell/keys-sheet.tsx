import { For } from "solid-js";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { say, t } from "../../lang/index.ts";
import { keyNames } from "../chord.ts";
import type { Command } from "../registry.ts";

/** Every key of the table of commands, in its words. */
export function openKeys(commands: readonly Command[]): void {
  const withKeys = commands.filter(({ keys }) => keys !== undefined);
  openDialog((close) => (
    <Dialog title={t("Keyboard shortcuts")} onClose={close} wide>
      <dl class="keys-sheet">
        <For each={withKeys}>
          {(command) => (
            <div>
              <dt>{say(command.title)}</dt>
              <dd><kbd>{keyNames(command.keys ?? "")}</kbd></dd>
            </div>
          )}
        </For>
      </dl>
    </Dialog>
  ));
}
