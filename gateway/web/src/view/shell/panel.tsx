// The right panel: beside the timeline where there is room for it, and else a sheet over the page, which is dimmed.
import { createEffect, createSignal, onCleanup, Show, type JSX } from "solid-js";
import { IconButton } from "../../kit/button.tsx";
import { Escapes } from "../../kit/escape.ts";
import { rememberFocus } from "../../kit/focus.ts";
import { t } from "../../lang/index.ts";
import { BESIDE, WIDE } from "../panel.ts";

export interface PanelProps {
  id: string;
  title: string;
  /** What the panel covers where it is a sheet. */
  under: HTMLElement;
  onClose: () => void;
  children: JSX.Element;
}

export function Panel(props: PanelProps) {
  const isNarrow = props.id === "members";
  const isSheet = outgrows(isNarrow ? WIDE : BESIDE);
  let aside!: HTMLElement;
  const giveBack = rememberFocus();
  createEffect(() => {
    if (!isSheet()) return;
    const { under } = props;
    if (!aside.contains(document.activeElement)) aside.focus();
    under.inert = true;
    onCleanup(() => (under.inert = false));
  });
  onCleanup(() => {
    // What is inert takes no focus.
    props.under.inert = false;
    if (document.activeElement === document.body || aside.contains(document.activeElement)) giveBack();
  });
  return (
    <>
      <Show when={isSheet()}>
        {/* The press leaves the focus in the panel, which gives it back. */}
        <div class="panel-scrim" onMouseDown={(event) => event.preventDefault()} onClick={() => props.onClose()} />
      </Show>
      <Show when={isSheet() || !isNarrow}>
        <Escapes close={() => props.onClose()} />
      </Show>
      <aside ref={aside} class="panel" classList={{ narrow: isNarrow }} aria-label={props.title} data-region tabIndex={-1}>
        <header class="bar">
          <h2 class="cut">{props.title}</h2>
          <IconButton icon="close" label={t("Close")} onClick={() => props.onClose()} />
        </header>
        <div class="panel-content">{props.children}</div>
      </aside>
    </>
  );
}

/** Whether the page is smaller than that now. */
function outgrows(least: MediaQueryList): () => boolean {
  const [outgrown, setOutgrown] = createSignal(!least.matches);
  const look = () => setOutgrown(!least.matches);
  least.addEventListener("change", look);
  onCleanup(() => least.removeEventListener("change", look));
  return outgrown;
}
