// Before sign-in: the first account, sign in, sign up, come in as a guest. One form, and beside it whose house this is.
import { LIMITS, type Deployment, type InvitePreview } from "confab-client";
import { createResource, createSignal, Match, Show, Switch } from "solid-js";
import { client, state } from "../../app/client.ts";
import { sentenceOf } from "../../app/act.ts";
import { deviceName } from "../../app/device.ts";
import { route } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { Field, PasswordField } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";
import { AboutDeployment, AboutFirst, AboutInvite } from "./about.tsx";
import { faultsOf, type Faults } from "./faults.ts";
import { EnterFrame } from "./frame.tsx";
import { previewOf } from "./preview.ts";

type Way = "in" | "up";

export function Enter(props: { code: string | undefined }) {
  const [deployment] = createResource(() => client.call("deployment_info", 0, {}));
  const [preview] = createResource(
    () => props.code,
    (code) => previewOf(code).catch(() => undefined),
  );
  const info = () => (deployment.error === undefined ? deployment() : undefined);
  return (
    <EnterFrame
      about={
        <Switch fallback={<Show when={info()}>{(known) => <AboutDeployment deployment={known()} />}</Show>}>
          <Match when={preview()}>{(shown) => <AboutInvite preview={shown()} />}</Match>
          <Match when={info()?.empty}>
            <AboutFirst />
          </Match>
        </Switch>
      }
    >
      <Show when={info()} fallback={<Unreachable failed={deployment.error} />}>
        {(known) => <Forms deployment={known()} code={props.code} preview={preview()} />}
      </Show>
    </EnterFrame>
  );
}

function Unreachable(props: { failed: unknown }) {
  return (
    <Show when={props.failed}>
      <p role="status">{t("The server cannot be reached.")}</p>
      <Button onClick={() => location.reload()}>{t("Try now")}</Button>
    </Show>
  );
}

interface FormsProps {
  deployment: Deployment;
  code: string | undefined;
  preview: InvitePreview | null | undefined;
}

function Forms(props: FormsProps) {
  const mayJoin = () => props.deployment.empty || props.deployment.signup === "open" || signUpCode() !== undefined;
  // The code of an administrator opens the account; one of a server is redeemed after it, by the same use.
  const signUpCode = () => (props.preview?.opens_account === true ? props.code : undefined);
  const [way, setWay] = createSignal<Way>(props.deployment.empty || props.code !== undefined ? "up" : "in");
  const leadsTo = () => !props.deployment.empty && (route().at === "channel" || route().at === "server");
  const up = () => way() === "up" && props.deployment.signup !== "closed";
  return (
    <>
      <Show when={state.connection.state === "signed_out" && state.connection.because === "revoked"}>
        <p role="status">{t("You were signed out. Your drafts are kept.")}</p>
      </Show>
      <Show when={state.connection.state === "signed_out" && state.connection.because === "signed_out"}>
        <p role="status">{t("You are signed out.")}</p>
      </Show>
      <Show when={leadsTo()}>
        <p role="status">{t("Sign in to see what this link leads to.")}</p>
      </Show>
      <Show when={props.code !== undefined && props.preview === null}>
        <p role="status" class="error">{t("This invite is unknown, or no longer valid. Ask for a new one.")}</p>
      </Show>
      <Show when={props.preview && up() && !mayJoin()}>
        <p role="status">{t("This invite is for people who already have an account here. Ask an administrator for one that lets you create an account.")}</p>
      </Show>
      <Credentials
        way={up() || props.deployment.empty ? "up" : "in"}
        first={props.deployment.empty}
        askCode={up() && !mayJoin()}
        code={signUpCode()}
      />
      <Show when={!props.deployment.empty}>
        <div class="enter-other">
          <Show when={up()} fallback={
            <Show when={props.deployment.signup !== "closed"}>
              <Button kind="quiet" onClick={() => setWay("up")}>{t("Create an account")}</Button>
            </Show>
          }>
            <Button kind="quiet" onClick={() => setWay("in")}>{t("Sign in")}</Button>
          </Show>
          <Show when={props.deployment.guests}>
            <Guest />
          </Show>
        </div>
      </Show>
    </>
  );
}

function Guest() {
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const come = async () => {
    setBusy(true);
    await client.guest({ device: deviceName() }).catch((refusal: unknown) => setError(sentenceOf(refusal)));
    setBusy(false);
  };
  return (
    <>
      <Button kind="quiet" busy={busy()} onClick={() => void come()}>{t("Continue as a guest")}</Button>
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
    </>
  );
}

interface CredentialsProps {
  way: Way;
  first: boolean;
  askCode: boolean;
  code: string | undefined;
}

function Credentials(props: CredentialsProps) {
  const [name, setName] = createSignal("");
  const [password, setPassword] = createSignal("");
  const [code, setCode] = createSignal("");
  const [faults, setFaults] = createSignal<Faults>({});
  const [busy, setBusy] = createSignal(false);
  let form!: HTMLFormElement;
  const fail = (found: Faults) => {
    setFaults(found);
    form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  };

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy()) return;
    const found = faultsOf(props.way, name().trim(), password());
    fail(found);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    const invite = props.code ?? (code().trim() || null);
    const given = { name: name().trim(), password: password(), device: deviceName() };
    try {
      await (props.way === "up" ? client.signUp({ ...given, invite }) : client.signIn(given));
    } catch (refusal) {
      const reason = (refusal as { reason?: string; detail?: string | null }).reason;
      const detail = (refusal as { detail?: string | null }).detail;
      const ofInvite = reason === "invite_required" || reason === "unknown_invite";
      const ofPassword = reason === "wrong_credentials" || detail === "password";
      fail({ [ofInvite && props.askCode ? "code" : ofPassword ? "password" : "name"]: nameProblem(reason, detail) ?? sentenceOf(refusal) });
    }
    setBusy(false);
  };

  return (
    <form ref={form} onSubmit={(event) => void submit(event)} novalidate>
      <h1>{props.first ? t("Create the first account") : props.way === "up" ? t("Create an account") : t("Sign in")}</h1>
      <Field
        label={t("Name")}
        name="name"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        autofocus
        maxlength={LIMITS.MAX_NAME_CHARS}
        hint={props.way === "up" ? t("2 to 32 letters, digits, _ - or .") : undefined}
        error={faults().name}
        value={name()}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <PasswordField
        label={t("Password")}
        name="password"
        autocomplete={props.way === "up" ? "new-password" : "current-password"}
        hint={props.way === "up" ? t("At least 8 characters.") : undefined}
        error={faults().password}
        value={password()}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      <Show when={props.askCode}>
        <Field
          label={t("Invite code")}
          name="code"
          autocomplete="off"
          error={faults().code}
          value={code()}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </Show>
      <Button kind="accent" submit busy={busy()}>
        {props.way === "up" ? t("Create account") : t("Sign in")}
      </Button>
    </form>
  );
}

function nameProblem(reason: string | undefined, detail: string | null | undefined): string | undefined {
  return reason === "invalid" && detail === "name" ? t("2 to 32 letters, digits, _ - or .") : undefined;
}
