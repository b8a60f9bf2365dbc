// A full layer over the page: navigation at the left, one page of it beside. Its pages come from the registry.
import { createEffect, createMemo, For, on, onCleanup, onMount, Show } from "solid-js";
import { Dynamic } from "solid-js/web";
import { currentServer } from "../../app/place.ts";
import { IconButton } from "../../kit/button.tsx";
import { Escapes, onEscape } from "../../kit/escape.ts";
import { roving } from "../../kit/roving.ts";
import { say, t } from "../../lang/index.ts";
import { closeLayer, openLayer, PHONE, type OpenLayer } from "../panel.ts";
import { Part } from "../part.tsx";
import { layerDeeds, layerPages, type LayerName } from "../registry.ts";
import { layerTitle } from "./title.ts";

export default function Layer(props: OpenLayer) {
  const pages = () => layerPages(props.name);
  // Where none is asked for: it stays the one, also when the right to it is lost.
  const first = createMemo(on(() => props.name, () => (PHONE.matches ? undefined : pages()[0]?.id)));
  const wanted = () => props.page ?? first();
  const page = createMemo(() => pages().find(({ id }) => id === wanted()));
  const groups = () => [...new Set(pages().map(({ group }) => group))];
  let layer!: HTMLDivElement;
  onEscape(closeLayer);
  onMount(() => coverPage(layer));
  // Who chose a page reads on at its heading; who came back from it, where he chose it.
  createEffect(on(() => props.page, (id) => layer.querySelector<HTMLElement>(id === undefined ? ".layer-link" : ".layer-header h1")?.focus(), { defer: true }));
  createEffect(() => {
    if (props.name === "server" && currentServer() === undefined) closeLayer();
  });
  return (
    <div ref={layer} class="layer" role="dialog" aria-modal="true" aria-label={layerTitle(props.name)} classList={{ chosen: wanted() !== undefined }}>
      <nav class="layer-nav" aria-label={layerTitle(props.name)} ref={(nav) => roving(nav, "button.layer-link")}>
        <p class="layer-title cut">{layerTitle(props.name)}</p>
        <For each={groups()}>
          {(group) => (
            <section>
              <Show when={group}>{(name) => <h2 class="meta">{say(name())}</h2>}</Show>
              <For each={pages().filter((one) => one.group === group)}>
                {(one) => (
                  <button
                    type="button"
                    class="layer-link"
                    aria-current={page()?.id === one.id ? "page" : undefined}
                    onClick={() => openLayer(props.name, one.id)}
                  >
                    {say(one.title)}
                  </button>
                )}
              </For>
            </section>
          )}
        </For>
        <Show when={layerDeeds(props.name).length > 0}>
          <section>
            <For each={layerDeeds(props.name)}>
              {(deed) => <button type="button" class="layer-link" onClick={() => deed.run()}>{say(deed.title)}</button>}
            </For>
          </section>
        </Show>
      </nav>
      <main class="layer-page">
        <Show when={page()} keyed fallback={<Lost name={props.name} isPage={wanted() !== undefined} />}>
          {(shown) => (
            <>
              <Show when={PHONE.matches}>
                <Escapes close={() => openLayer(props.name)} />
              </Show>
              <header class="layer-header">
                <IconButton class="layer-back" icon="back" label={t("Back")} onClick={() => openLayer(props.name)} />
                <hgroup>
                  <p class="meta cut">{layerTitle(props.name)}</p>
                  <h1 tabIndex={-1}>{say(shown.title)}</h1>
                </hgroup>
              </header>
              <Part>
                <Dynamic component={shown.component} />
              </Part>
            </>
          )}
        </Show>
      </main>
      <IconButton class="layer-close" icon="close" label={t("Close")} keys="Escape" onClick={closeLayer} />
    </div>
  );
}

/** A page that the reader may no longer see says so, instead of being another one. */
function Lost(props: { name: LayerName; isPage: boolean }) {
  return (
    <Show when={props.isPage}>
      <header class="layer-header">
        <IconButton class="layer-back" icon="back" label={t("Back")} onClick={() => openLayer(props.name)} />
      </header>
      <p class="second" role="status">{t("You can no longer see this page: your permissions were changed.")}</p>
    </Show>
  );
}

/** Takes the focus from the page behind, and gives it back at the end. */
function coverPage(layer: HTMLElement): void {
  const opener = document.activeElement;
  const behind = layer.previousElementSibling;
  behind?.toggleAttribute("inert", true);
  layer.querySelector<HTMLElement>(".layer-link[aria-current], .layer-link")?.focus();
  onCleanup(() => {
    behind?.toggleAttribute("inert", false);
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
  });
}
