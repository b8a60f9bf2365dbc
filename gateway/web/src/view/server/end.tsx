// What cannot be undone with a server: who does it writes its name.
import type { ServerId, UserId } from "confab-client";
import { createSignal, Show, type JSX } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { go } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { Field } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
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
  /** Asks the server, and closes. */
  run: (name: string) => Promise<unknown>;
  children: JSX.Element;
}

/** Asks for the name of the server before it acts. */
function Typed(props: TypedProps) {
  const name = () => state.servers[props.server]?.server.name ?? "";
  const form = useForm({
    start: () => ({ typed: "" }),
    unguarded: true,
    check: ({ typed }) => ({ typed: typed.trim() === name() ? undefined : t("This is not the name of the server.") }),
    save: () => props.run(name()),
  });
  return (
    <FormDialog title={props.title} form={form} action={props.action} danger disabled={props.ready === false} close={props.close}>
      {props.children}
      <Show when={props.ready !== false}>
        <Field label={t("Type “{name}” to continue", { name: name() })} autocomplete="off" {...form.text("typed")} />
      </Show>
    </FormDialog>
  );
}

export function DeleteServer(props: { server: ServerId; close: () => void }) {
  const run = async (name: string) => {
    await client.call("server_delete", props.server, { name });
    props.close();
    closeLayer();
    go("/", true);
  };
  return (
    <Typed server={props.server} title={t("Delete the server")} action={t("Delete the server")} close={props.close} run={run}>
      <p>{t("It is deleted for everyone, with its channels and everything said in them. It cannot be restored.")}</p>
    </Typed>
  );
}

export function TransferServer(props: { server: ServerId; close: () => void }) {
  const [heir, setHeir] = createSignal<UserId>();
  const run = async () => {
    const user_id = heir();
    if (user_id !== undefined) await client.call("server_transfer", props.server, { user_id });
    props.close();
  };
  return (
    <Typed server={props.server} title={t("Hand the server over")} action={t("Hand it over")} ready={heir() !== undefined} close={props.close} run={run}>
      <p>{t("The new owner can do everything, and only they can give the server back. You stay a member with your roles.")}</p>
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
