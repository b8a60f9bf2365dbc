import { Show } from "solid-js";
import { state } from "../../app/client.ts";
import { currentServer, openServer, readableChannels, recentChannels } from "../../app/place.ts";
import { go, route } from "../../app/route.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { showPane } from "../panel.ts";
import { Connection } from "./connection.tsx";
import { Skeleton } from "./skeleton.tsx";

/** The place of the channel where none is shown: not there yet, gone, or none at all. */
export function NoChannel() {
  return (
    <main class="channel" aria-label={t("No channel")} data-region tabIndex={-1}>
      <header class="bar">
        <IconButton class="only-phone" icon="back" label={t("Channels")} onClick={() => showPane("lists")} />
        <h1 class="cut">{currentServer()?.server.name}</h1>
      </header>
      <Connection />
      <Show when={whyNone()} fallback={<Skeleton rows />}>
        {(why) => (
          <div class="middle">
            <p>{why()}</p>
            <Show when={wayOn()}>{(lead) => <Button onClick={() => lead()()}>{t("Go to your channels")}</Button>}</Show>
          </div>
        )}
      </Show>
    </main>
  );
}

const NOWHERE = () => t("This leads nowhere: it is gone, or not for you to see.");

/** Nothing while it may still come. */
function whyNone(): string | undefined {
  const at = route();
  if (at.at === "nowhere") return NOWHERE();
  const server = currentServer();
  const settled = server === undefined ? state.connection.state === "open" : server.loaded;
  if (!settled || at.at === "home" || at.at === "invite") return undefined;
  if (at.at === "channel") return recentChannels().includes(at.channel) ? t("You can no longer see this channel.") : NOWHERE();
  return server === undefined ? NOWHERE() : t("There is no channel here that you can read.");
}

/** To this server, where there is something to read, or else to the first one. */
function wayOn(): (() => void) | undefined {
  const id = currentServer()?.server.server_id;
  if (id === undefined) return () => go("/");
  return readableChannels(id).length > 0 ? () => openServer(id) : undefined;
}
