// The page of an invite for who is signed in.
import { createResource, createSignal, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { openServer } from "../../app/place.ts";
import { go } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { AboutInvite } from "./about.tsx";
import { EnterFrame } from "./frame.tsx";

export function Invited(props: { code: string }) {
  const [preview] = createResource(() => props.code, (code) => client.call("invite_preview", 0, { code }).catch(() => null));
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const server = () => preview()?.server ?? undefined;
  const joined = () => {
    const id = server()?.server_id;
    return id !== undefined && state.servers[id] !== undefined ? id : undefined;
  };
  const join = async () => {
    const known = joined();
    if (known !== undefined) return openServer(known);
    setBusy(true);
    try {
      const { server } = await client.call("invite_redeem", 0, { code: props.code });
      openServer(server.server_id);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
    setBusy(false);
  };
  return (
    <EnterFrame
      about={
        <Show when={preview()}>{(shown) => <AboutInvite preview={shown()} />}</Show>
      }
    >
      <h1>{preview()?.server ? t("Join {server}", { server: server()?.name ?? "" }) : t("Invite")}</h1>
      <Show when={preview() === null || (preview() && !server())}>
        <p class="error" role="status">{t("This invite is no longer valid. Ask for a new one.")}</p>
      </Show>
      <Show when={server()}>
        <Button kind="accent" busy={busy()} onClick={() => void join()}>
          {joined() ? t("Open it") : t("Join")}
        </Button>
      </Show>
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Button kind="quiet" onClick={() => go("/")}>{t("Not now")}</Button>
    </EnterFrame>
  );
}
