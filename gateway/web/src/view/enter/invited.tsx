// The page of an invite for who is signed in.
import { createEffect, createResource, createSignal, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { openServer } from "../../app/place.ts";
import { go } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { AboutInvite } from "./about.tsx";
import { EnterFrame } from "./frame.tsx";
import { previewOf } from "./preview.ts";

export function Invited(props: { code: string }) {
  const [preview, { refetch }] = createResource(() => props.code, (code) => previewOf(code));
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const known = () => (preview.error === undefined ? preview() : undefined);
  const server = () => known()?.server ?? undefined;
  // Who is there already goes there, and the way back does not lead here again.
  createEffect(() => {
    const id = server()?.server_id;
    if (id !== undefined && state.servers[id] !== undefined) openServer(id, true);
  });
  const join = async () => {
    setBusy(true);
    try {
      const { server } = await client.call("invite_redeem", 0, { code: props.code });
      openServer(server.server_id, true);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
    setBusy(false);
  };
  return (
    <EnterFrame
      about={
        <Show when={known()}>{(shown) => <AboutInvite preview={shown()} />}</Show>
      }
    >
      <h1>{server() ? t("Join {server}", { server: server()?.name ?? "" }) : t("Invite")}</h1>
      <Show when={known() === null || (known() && !server())}>
        <p class="error" role="status">{t("This invite is unknown, or no longer valid. Ask for a new one.")}</p>
      </Show>
      <Show when={preview.error}>
        <p class="error" role="alert">{sentenceOf(preview.error)}</p>
        <Button onClick={() => void refetch()}>{t("Try again")}</Button>
      </Show>
      <Show when={server()}>
        <Button kind="accent" busy={busy()} onClick={() => void join()}>
          {t("Join")}
        </Button>
      </Show>
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Button kind="quiet" onClick={() => go("/")}>{server() ? t("Not now") : t("Continue without it")}</Button>
    </EnterFrame>
  );
}
