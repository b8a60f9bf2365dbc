// A new version of the page, in a line of its own above everything: it stays until it is answered, and so covers nothing.
import { Show } from "solid-js";
import { dismissOffer, isOffered, reload } from "../../app/update.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";

export function Offer() {
  return (
    <div role="status">
      <Show when={isOffered()}>
        <div class="offer">
          <p class="cut">{t("A new version is ready.")}</p>
          <Button kind="quiet" onClick={() => void reload()}>{t("Reload")}</Button>
          <IconButton icon="close" label={t("Dismiss")} onClick={dismissOffer} />
        </div>
      </Show>
    </div>
  );
}
