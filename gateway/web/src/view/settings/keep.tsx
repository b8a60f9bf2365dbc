import { LIMITS } from "confab-client";
import { createResource, Show } from "solid-js";
import { useForm } from "../../app/form.ts";
import { client } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { Field, PasswordField } from "../../kit/field.tsx";
import { FormProblem, Section } from "../../kit/form.tsx";
import { toast } from "../../kit/toast.tsx";
import { t } from "../../lang/index.ts";
import { accountFault } from "./faults.ts";

/** For guests: a name and a password for the account that is there. */
export function KeepAccount() {
  const [deployment] = createResource(() => client.call("deployment_info", 0, {}).catch(() => undefined));
  const needsCode = () => deployment()?.signup === "invite";
  const form = useForm({
    start: () => ({ name: "", password: "", invite: "" }),
    once: true,
    check: ({ name, password, invite }) => ({
      name: name.trim() === "" ? t("Enter a name.") : undefined,
      password: password.length < 8 ? t("At least 8 characters.") : undefined,
      invite: needsCode() && invite.trim() === "" ? t("You need an invite to sign up here.") : undefined,
    }),
    save: async (_, { name, password, invite }) => {
      await client.call("account_register", 0, { name: name.trim(), password, invite: invite.trim() || null });
      toast(t("The account is yours now."));
    },
    fieldOf: accountFault,
    invalid: { name: () => t("2 to 32 letters, digits, _ - or ."), password: () => t("At least 8 characters.") },
  });
  return (
    <Show when={deployment()?.signup !== "closed"}>
      <form {...form.root}>
        <Section
          title={t("Keep this account")}
          description={t("You are a guest: without a password nobody can sign in here again, not even you. All that you wrote stays yours.")}
        >
          <Field label={t("Name")} autocomplete="username" autocapitalize="none" spellcheck={false} maxlength={LIMITS.MAX_NAME_CHARS} hint={t("2 to 32 letters, digits, _ - or .")} {...form.text("name")} />
          <PasswordField label={t("Password")} autocomplete="new-password" hint={t("At least 8 characters.")} {...form.text("password")} />
          <Show when={needsCode()}>
            <Field label={t("Invite code")} autocomplete="off" {...form.text("invite")} />
          </Show>
          <FormProblem form={form} />
          <Button kind="accent" submit busy={form.busy() || form.wait() > 0}>{t("Keep the account")}</Button>
        </Section>
      </form>
    </Show>
  );
}
