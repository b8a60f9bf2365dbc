import type { Refusal } from "confab-client";
import { useForm } from "../../app/form.ts";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { PasswordField, Switch } from "../../kit/field.tsx";
import { FormProblem, Section } from "../../kit/form.tsx";
import { toast } from "../../kit/toast.tsx";
import { t } from "../../lang/index.ts";

interface Passwords {
  password: string;
  new_password: string;
  end_others: boolean;
}

export function ChangePassword() {
  const form = useForm<Passwords>({
    start: () => ({ password: "", new_password: "", end_others: true }),
    once: true,
    check: ({ password, new_password }) => ({
      password: password === "" ? t("Enter your current password.") : undefined,
      new_password: new_password.length < 8 ? t("At least 8 characters.") : undefined,
    }),
    save: async (_, values) => {
      await client.call("password_change", 0, values);
      toast(t("The password was changed."));
    },
    fieldOf: ({ reason }: Refusal) => (reason === "wrong_credentials" ? "password" : undefined),
    invalid: { password: () => t("This is not your password."), new_password: () => t("At least 8 characters.") },
    words: { wrong_credentials: () => t("This is not your password.") },
  });
  return (
    <form {...form.root}>
      <Section title={t("Password")}>
        {/* A password manager stores the new one under this name. */}
        <input class="unseen" type="text" name="username" autocomplete="username" aria-hidden="true" tabIndex={-1} readonly value={state.me?.name ?? ""} />
        <PasswordField label={t("Current password")} autocomplete="current-password" {...form.text("password")} />
        <PasswordField label={t("New password")} autocomplete="new-password" hint={t("At least 8 characters.")} {...form.text("new_password")} />
        <Switch
          label={t("Sign out all other devices")}
          hint={t("Do this if someone else might know the password.")}
          {...form.toggle("end_others")}
        />
        <FormProblem form={form} />
        <Button submit busy={form.busy() || form.wait() > 0}>{t("Change the password")}</Button>
      </Section>
    </form>
  );
}
