// What the deployment is called, and who may come in.
import { LIMITS, type Deployment, type SignUp } from "confab-client";
import { createSignal, onMount, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { Choice, Field, Switch } from "../../kit/field.tsx";
import { SaveBar, Section } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";

export default function EntryPage() {
  const [deployment, setDeployment] = createSignal<Deployment>();
  const [error, setError] = createSignal<string>();
  onMount(() => {
    client.call("deployment_info", 0, {}).then(setDeployment, (refusal: unknown) => setError(sentenceOf(refusal)));
  });
  return (
    <>
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Show when={deployment()} keyed>{(known) => <Entry deployment={known} />}</Show>
    </>
  );
}

interface Values {
  name: string;
  signup: SignUp;
  guests: boolean;
}

function Entry(props: { deployment: Deployment }) {
  const { signup, guests } = props.deployment;
  const [name, setName] = createSignal(props.deployment.name);
  const form = useForm<Values>({
    start: () => ({ name: name(), signup, guests }),
    check: (values) => (values.name.trim() === "" ? { name: t("Enter a name.") } : {}),
    save: async (changed) => {
      if (changed.name !== undefined) {
        await client.call("deployment_rename", 0, { name: changed.name.trim() });
        // It is saved, also where the rest is refused.
        setName(changed.name);
      }
      if (changed.signup === undefined && changed.guests === undefined) return;
      await client.call("signup_policy_set", 0, { signup: changed.signup ?? null, guests: changed.guests ?? null });
    },
  });
  const ways: { value: SignUp; label: string; hint: string }[] = [
    { value: "open", label: t("Everyone"), hint: t("Anyone who knows the address can create an account.") },
    { value: "invite", label: t("Only people with an invite"), hint: t("With a link from you: to a server, or just for an account.") },
    { value: "closed", label: t("Nobody"), hint: t("Existing accounts stay.") },
  ];
  return (
    <form {...form.root}>
      <Section title={t("Name")}>
        <Field label={t("Name of the deployment")} hint={t("Shown before sign-in.")} maxlength={LIMITS.MAX_TITLE_CHARS} {...form.text("name")} />
      </Section>
      <Section title={t("Who can sign up")}>
        <Choice label={t("Who can create an account")} options={ways} {...form.pick("signup")} />
        <Switch label={t("Guests")} hint={t("They join without a password, under a name made up for them.")} {...form.toggle("guests")} />
      </Section>
      <SaveBar form={form} />
    </form>
  );
}
