// A full layer over the page: navigation at the left, one page of it beside. Its pages come from the registry.
import { createMemo, createSignal, For, Show, Suspense } from "solid-js";
import { Dynamic } from "solid-js/web";
import { currentServer } from "../../app/place.ts";
import { IconButton } from "../../kit/button.tsx";
import { onEscape } from "../../kit/escape.ts";
import { roving } from "../../kit/roving.ts";
import { say, t } from "../../lang/index.ts";
import { closeLayer, openLayer, PHONE, type OpenLayer } from "../panel.ts";
import { layerPages, type LayerName } from "../registry.ts";

export default function Layer(props: OpenLayer) {
  const pages = () => layerPages(props.name);
  const page = createMemo(() => pages().find(({ id }) => id === props.page) ?? (PHONE.matches ? undefined : pages()[0]));
  const groups = () => [...new Set(pages().map(({ group }) => group))];
  const [opener] = createSignal(document.activeElement);
  const close = () => {
    closeLayer();
    const element = opener();
    if (element instanceof HTMLElement && element.isConnected) element.focus();
  };
  onEscape(close);
  return (
    <div class="layer" role="dialog" aria-modal="true" aria-label={title(props.name)} classList={{ chosen: page() !== undefined }}>
      <nav class="layer-nav" aria-label={title(props.name)} ref={(nav) => roving(nav, "button.layer-link")}>
        <h1 class="cut">{title(props.name)}</h1>
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
      </nav>
      <main class="layer-page">
        <Show when={page()} keyed>
          {(shown) => (
            <>
              <header class="layer-header">
                <IconButton class="layer-back" icon="back" label={t("Back")} onClick={() => openLayer(props.name)} />
                <h1>{say(shown.title)}</h1>
              </header>
              <Suspense>
                <Dynamic component={shown.component} />
              </Suspense>
            </>
          )}
        </Show>
      </main>
      <IconButton class="layer-close" icon="close" label={t("Close")} keys="Esc" onClick={close} />
    </div>
  );
}

function title(name: LayerName): string {
  if (name === "server") return currentServer()?.server.name ?? t("Server");
  return name === "admin" ? t("Deployment") : t("Settings");
}
