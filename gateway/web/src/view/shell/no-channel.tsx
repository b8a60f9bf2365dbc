import { Show } from "solid-js";
import { state } from "../../app/client.ts";
import { currentServer } from "../../app/place.ts";
import { route } from "../../app/route.ts";
import { t } from "../../lang/index.ts";
import { Connection } from "./connection.tsx";
import { Skeleton } from "./skeleton.tsx";

/** The place of the channel where none is shown: not there yet, gone, or none at all. */
export function NoChannel() {
  const known = () => currentServer()?.loaded === true;
  const lost = () => route().at === "channel" && (known() || (state.connection.state === "open" && currentServer() === undefined));
  return (
    <main class="channel" aria-label={t("No channel")} data-region tabIndex={-1}>
      <Connection />
      <Show when={known() || lost()} fallback={<Skeleton rows />}>
        <p class="middle">
          {lost() ? t("You can no longer see this channel.") : t("There is no channel here that you can read.")}
        </p>
      </Show>
    </main>
  );
}
