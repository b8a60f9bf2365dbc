// A new role: named before it is there, so that nobody meets one without a name.
import type { ServerId } from "confab-client";
import { createUniqueId } from "solid-js";
import { client } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";
import { FormProblem } from "../settings/problem.tsx";
import { setChosenRole } from "./choose.ts";

export function CreateRole(props: { server: ServerId; close: () => void }) {
  const id = createUniqueId();
  const form = useForm({
    start: () => ({ name: "" }),
    once: true,
    check: ({ name }) => ({ name: name.trim() === "" ? t("Enter a name.") : undefined }),
    save: async (_, { name }) => {
      const { role } = await client.call("role_create", props.server, { name: name.trim() });
      props.close();
      setChosenRole(role.role_id);
    },
  });
  return (
    <Dialog
      title={t("Create a role")}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t("Cancel")}</Button>
          <Button kind="accent" submit form={id} busy={form.busy() || form.wait() > 0}>{t("Create")}</Button>
        </>
      }
    >
      <form {...form.root} id={id}>
        <Field label={t("Name")} autofocus maxlength={100} autocomplete="off" {...form.text("name")} />
        <FormProblem form={form} />
      </form>
    </Dialog>
  );
}
