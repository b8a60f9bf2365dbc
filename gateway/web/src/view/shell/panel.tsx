import { onCleanup, type JSX } from "solid-js";
import { IconButton } from "../../kit/button.tsx";
import { onEscape } from "../../kit/escape.ts";
import { rememberFocus } from "../../kit/focus.ts";
import { t } from "../../lang/index.ts";
import { WIDE } from "../panel.ts";

export interface PanelProps {
  id: string;
  title: string;
  onClose: () => void;
  children: JSX.Element;
}

/** The right panel: beside the timeline where there is room, over it otherwise. */
export function Panel(props: PanelProps) {
  if (!WIDE.matches || props.id !== "members") onEscape(() => props.onClose());
  let aside!: HTMLElement;
  const giveBack = rememberFocus();
  onCleanup(() => aside.contains(document.activeElement) && giveBack());
  return (
    <aside ref={aside} class="panel" classList={{ narrow: props.id === "members" }} aria-label={props.title} data-region tabIndex={-1}>
      <header class="bar">
        <h2 class="cut">{props.title}</h2>
        <IconButton icon="close" label={t("Close")} onClick={() => props.onClose()} />
      </header>
      <div class="panel-content">{props.children}</div>
    </aside>
  );
}
