// What the deployment is called, and who may come in.
import type { Deployment, SignUp } from "confab-client";
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
    { value: "open", label: t("Everyone"), hint: t("Who knows the address may make an account.") },
    { value: "invite", label: t("Who is invited"), hint: t("By a link of yours: to a server, or for an account alone.") },
    { value: "closed", label: t("Nobody"), hint: t("Those who have an account stay.") },
  ];
  return (
    <form {...form.root}>
      <Section title={t("Name")}>
        <Field label={t("Name of the deployment")} hint={t("Shown before sign-in.")} maxlength={100} {...form.text("name")} />
      </Section>
      <Section title={t("Who may come")}>
        <Choice label={t("Who may make an account")} options={ways} {...form.pick("signup")} />
        <Switch label={t("Guests")} hint={t("Come in without a password, with a name that is made for them.")} {...form.toggle("guests")} />
      </Section>
      <SaveBar form={form} />
    </form>
  );
}
