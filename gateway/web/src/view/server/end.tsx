// What cannot be undone with a server: who does it writes its name.
import type { ServerId, UserId } from "confab-client";
import { createSignal, createUniqueId, Show, type JSX } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { go } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";
import { closeLayer } from "../panel.ts";
import { shownName } from "../people/names.ts";
import { PickMember } from "../people/pick.tsx";

interface TypedProps {
  server: ServerId;
  title: string;
  action: string;
  /** Whether there is nothing but the name to wait for. */
  ready?: boolean;
  close: () => void;
  run: (name: string) => Promise<unknown>;
  children: JSX.Element;
}

/** Asks for the name of the server before it acts. */
function Typed(props: TypedProps) {
  const form = createUniqueId();
  const [text, setText] = createSignal("");
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const name = () => state.servers[props.server]?.server.name ?? "";
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy()) return;
    if (text().trim() !== name()) return void setError(t("This is not the name of the server."));
    setBusy(true);
    try {
      await props.run(name());
      props.close();
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
    setBusy(false);
  };
  return (
    <Dialog
      title={props.title}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t("Cancel")}</Button>
          <Button kind="danger" submit form={form} busy={busy()} disabled={props.ready === false}>{props.action}</Button>
        </>
      }
    >
      <form id={form} onSubmit={(event) => void submit(event)} novalidate>
        {props.children}
        <Show when={props.ready !== false}>
          <Field
            label={t("Write “{name}” to go on", { name: name() })}
            autocomplete="off"
            error={error()}
            value={text()}
            onInput={(event) => {
              setText(event.currentTarget.value);
              setError(undefined);
            }}
          />
        </Show>
      </form>
    </Dialog>
  );
}

export function DeleteServer(props: { server: ServerId; close: () => void }) {
  const run = async (name: string) => {
    await client.call("server_delete", props.server, { name });
    closeLayer();
    go("/", true);
  };
  return (
    <Typed server={props.server} title={t("Delete the server")} action={t("Delete the server")} close={props.close} run={run}>
      <p>{t("It is deleted for everyone, with its channels and all that was said in them. It cannot be brought back.")}</p>
    </Typed>
  );
}

export function TransferServer(props: { server: ServerId; close: () => void }) {
  const [heir, setHeir] = createSignal<UserId>();
  const run = async () => {
    const user_id = heir();
    if (user_id !== undefined) await client.call("server_transfer", props.server, { user_id });
  };
  return (
    <Typed server={props.server} title={t("Hand the server over")} action={t("Hand it over")} ready={heir() !== undefined} close={props.close} run={run}>
      <p>{t("The new owner may do everything, and only he can give the server back. You stay a member with your roles.")}</p>
      <Show
        when={heir()}
        fallback={<PickMember server={props.server} label={t("New owner")} fits={(user) => user !== state.me?.user_id} onPick={setHeir} />}
      >
        {(user) => (
          <p class="picked">
            <strong class="cut">{t("New owner: {name}", { name: shownName(user(), props.server) })}</strong>
            <Button kind="quiet" onClick={() => setHeir(undefined)}>{t("Choose another one")}</Button>
          </p>
        )}
      </Show>
    </Typed>
  );
}
