// A new role: named before it is there, so that nobody meets one without a name.
import { LIMITS, type ServerId } from "confab-client";
import { client } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { Field } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { t } from "../../lang/index.ts";
import { setChosenRole } from "./choose.ts";

export function CreateRole(props: { server: ServerId; close: () => void }) {
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
    <FormDialog title={t("Create a role")} form={form} action={t("Create")} close={props.close}>
      <Field label={t("Name")} autofocus maxlength={LIMITS.MAX_TITLE_CHARS} autocomplete="off" {...form.text("name")} />
    </FormDialog>
  );
}
