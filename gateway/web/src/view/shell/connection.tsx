// How it stands with the connection, said honestly: nothing for what passes by itself, and a way to hurry.
import { Match, Show, Switch } from "solid-js";
import { client, state } from "../../app/client.ts";
import { second } from "../../app/clock.ts";
import { reload } from "../../app/update.ts";
import { t, tn } from "../../lang/index.ts";

/** A connection that comes within this time is not spoken of. */
const PATIENCE = 3_000;

export function Connection(props: { alone?: boolean }) {
  const connection = () => state.connection;
  const since = () => {
    const now = connection();
    return "since" in now ? second() - now.since : 0;
  };
  const waiting = () => Object.values(state.sends).filter((send) => send.state !== "sent" && send.state !== "failed").length;
  const isDoubted = () => {
    const now = connection();
    return "doubted" in now && now.doubted === true;
  };
  const next = () => {
    const now = connection();
    return now.state === "lost" ? Math.max(0, Math.ceil((now.next - second()) / 1000)) : 0;
  };
  return (
    <div class="connection" classList={{ alone: props.alone ?? false }} role="status">
      <Switch>
        <Match when={connection().state === "offline"}>
          <p>
            {t("You are offline.")} <Show when={waiting() > 0}>{tn("{count} messages will be sent when you are back.", waiting())}</Show>
          </p>
        </Match>
        <Match when={isDoubted()}>
          <p>{t("Your device says that it is offline. Looking whether that is so…")}</p>
        </Match>
        <Match when={connection().state === "lost"}>
          <p>
            {next() > 0 ? t("Connection lost. Trying again in {seconds} s.", { seconds: next() }) : t("Connection lost. Trying again.")}{" "}
            <button type="button" class="inline" onClick={() => client.tryNow()}>{t("Try now")}</button>
          </p>
        </Match>
        <Match when={connection().state === "connecting" && since() > PATIENCE}>
          <p>{t("Connecting…")}</p>
        </Match>
        <Match when={connection().state === "catching_up" && since() > 1_000}>
          <p>{t("Catching up…")}</p>
        </Match>
        <Match when={connection().state === "stopped"}>
          <p>
            {t("This page is too old for the server.")}{" "}
            <button type="button" class="inline" onClick={() => void reload()}>{t("Reload")}</button>
          </p>
        </Match>
      </Switch>
    </div>
  );
}
