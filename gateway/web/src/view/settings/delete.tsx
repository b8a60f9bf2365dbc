import { Show } from "solid-js";
import { useForm } from "../../app/form.ts";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { Coded } from "../../kit/coded.tsx";
import { openDialog } from "../../kit/dialog.tsx";
import { Field, PasswordField } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { Section } from "../../kit/form.tsx";
import { toast } from "../../kit/toast.tsx";
import { list, t, tn } from "../../lang/index.ts";
import { accountFault } from "./faults.ts";

/** The servers that nobody else would own. */
const owned = () => Object.values(state.servers).filter(({ server }) => server.owner_id === state.me?.user_id);

export function DeleteAccount() {
  const obstacle = () => {
    const name = state.me?.name ?? "";
    if (state.me?.admin) {
      return t("You administer this deployment. Hand that over first, on its machine: `worker admin make-admin NAME` names somebody else, `worker admin remove-admin {name}` takes it from you.", { name });
    }
    const names = owned().map(({ server }) => server.name);
    return names.length > 0 ? tn("You own {servers}. Hand them over or delete them before.", names.length, { servers: list(names) }) : undefined;
  };
  return (
    <Section title={t("Delete the account")} description={t("You leave all servers and your name disappears. What you wrote there stays, without your name.")}>
      <Show when={obstacle()} fallback={<Button kind="danger" onClick={() => openDialog((close) => <Confirm close={close} />)}>{t("Delete the account…")}</Button>}>
        {(text) => <p><Coded text={text()} /></p>}
      </Show>
    </Section>
  );
}

const signedOut = () =>
  new Promise<void>((resolve) => {
    const stop = client.on("connection", ({ state }) => {
      if (state !== "signed_out") return;
      stop();
      resolve();
    });
  });

function Confirm(props: { close: () => void }) {
  const name = state.me?.name ?? "";
  const guest = state.me?.guest === true;
  const form = useForm({
    start: () => ({ password: "", name: "" }),
    unguarded: true,
    check: ({ password, name: typed }) => ({
      name: typed.trim() === name ? undefined : t("This is not your name."),
      password: guest || password !== "" ? undefined : t("Enter your password."),
    }),
    save: async (_, { password }) => {
      // All sessions end with the account, this one perhaps before the answer comes.
      await Promise.race([client.call("account_delete", 0, { password: guest ? null : password }), signedOut()]);
      props.close();
      // The server ended the session; this forgets what the device kept.
      await client.signOut();
      toast(t("Your account was deleted."));
    },
    fieldOf: accountFault,
    words: { wrong_credentials: () => t("This is not your password.") },
    invalid: { password: () => t("This is not your password.") },
  });
  return (
    <FormDialog title={t("Delete the account?")} form={form} action={t("Delete for good")} danger close={props.close}>
      <p>{t("This cannot be undone, and all your devices are signed out.")}</p>
      <Field label={t("Type {name} to confirm", { name })} autocomplete="off" autocapitalize="none" spellcheck={false} {...form.text("name")} />
      <Show when={!guest}>
        <PasswordField label={t("Password")} autocomplete="current-password" {...form.text("password")} />
      </Show>
    </FormDialog>
  );
}
