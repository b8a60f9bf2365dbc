import { For, Show } from "solid-js";
import { t } from "../../lang/index.ts";

const ROWS = [3, 1, 2, 4, 1, 2, 3, 1];

/** Still shapes where rows will be, in their final geometry; at most a screen of them. */
export function Skeleton(props: { rows?: boolean }) {
  const rows = (
    <div class="skeleton-rows" role="status" aria-label={t("Loading")}>
      <For each={ROWS}>
        {(lines) => (
          <div class={`skeleton-row lines-${lines}`}>
            <span class="shape avatar-shape" />
            <span class="shape" />
            <span class="shape" />
          </div>
        )}
      </For>
    </div>
  );
  return (
    <Show when={!props.rows} fallback={rows}>
      <div class="shell">
        <div class="rail" />
        <div class="list" />
        <div class="channel">{rows}</div>
      </div>
    </Show>
  );
}
