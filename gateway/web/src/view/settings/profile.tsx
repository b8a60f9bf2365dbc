import { LIMITS } from "confab-client";
import { Show } from "solid-js";
import { useForm } from "../../app/form.ts";
import { client, state } from "../../app/client.ts";
import { Area, Field } from "../../kit/field.tsx";
import { SaveBar, Section } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";
import { accountFault } from "./faults.ts";

/** What others see of the account. */
export function ProfileForm() {
  const guest = () => state.me?.guest === true;
  const form = useForm({
    start: () => ({ name: state.me?.name ?? "", bio: state.profile?.bio ?? "" }),
    save: (changed) => client.call("account_update", 0, changed),
    fieldOf: accountFault,
    invalid: { name: () => t("2 to 32 letters, digits, _ - or ."), bio: () => t("This is too long.") },
  });
  const left = () => LIMITS.MAX_BIO_CHARS - [...form.values().bio].length;
  return (
    <form {...form.root}>
      <Section title={t("Profile")} description={t("What others see of you, on every server here.")}>
        <div class="profile">
          <Avatar id={state.me?.user_id ?? 0} name={form.values().name} size={48} picture={state.me?.avatar} />
          <Show
            when={!guest()}
            fallback={
              <p>
                <strong>{state.me?.name}</strong>
                <span class="second">{t("The name of a guest is made up. Keep the account to choose your own.")}</span>
              </p>
            }
          >
            <Field
              label={t("Name")}
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              maxlength={LIMITS.MAX_NAME_CHARS}
              hint={t("You sign in with it. For a while nobody else can take the one you give up.")}
              {...form.text("name")}
            />
          </Show>
        </div>
        <Area
          label={t("About you")}
          rows={3}
          hint={left() < 100 ? t("{count} of {most} characters", { count: LIMITS.MAX_BIO_CHARS - left(), most: LIMITS.MAX_BIO_CHARS }) : t("Others can read it.")}
          {...form.text("bio")}
        />
        <SaveBar form={form} />
      </Section>
    </form>
  );
}
