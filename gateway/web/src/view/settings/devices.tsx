// Where the account is signed in, and how that ends.
import type { SessionInfo } from "confab-client";
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { act, sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { ask } from "../../kit/dialog.tsx";
import { Section } from "../../kit/form.tsx";
import { exact, moment, timeOfId } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import "./settings.css";

export default function Devices() {
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const load = () => {
    setError(undefined);
    // Events keep what was fetched once.
    client
      .fetch("sessions_list", 0, {}, (known, { sessions }) => void (known.sessions = sessions))
      .catch((refusal: unknown) => setError(sentenceOf(refusal)));
  };
  load();
  const own = createMemo(() => state.sessions?.find(({ session_id }) => session_id === state.session));
  const others = createMemo(() =>
    (state.sessions ?? []).filter(({ session_id }) => session_id !== state.session).sort((a, b) => b.session_id - a.session_id),
  );
  const revoke = ({ session_id }: SessionInfo) => act(client.call("session_revoke", 0, { session_id }));
  const revokeAll = async () => {
    setBusy(true);
    for (const session of others()) if (!(await revoke(session))) break;
    setBusy(false);
  };
  const askRevokeAll = () =>
    ask({
      title: t("Sign out all other devices?"),
      text: t("You will have to sign in on them again. Anything not sent there is lost."),
      action: t("Sign out"),
      danger: true,
      run: revokeAll,
    });
  return (
    <>
      <Show when={error()}>
        {(text) => (
          <div class="stack">
            <p class="error" role="alert">{text()}</p>
            <Button onClick={load}>{t("Try now")}</Button>
          </div>
        )}
      </Show>
      <Show when={own()}>
        {(session) => (
          <Section title={t("This device")}>
            <ul class="devices">
              <Device session={session()} action={<Button onClick={() => void client.signOut()}>{t("Sign out")}</Button>} />
            </ul>
          </Section>
        )}
      </Show>
      <Show when={state.sessions}>
        <Section title={t("Other devices")} description={t("Don't recognize one of them? Sign it out and change your password.")}>
          <ul class="devices">
            <For each={others()} fallback={<li class="second">{t("You are not signed in anywhere else.")}</li>}>
              {(session) => (
                <Device
                  session={session}
                  action={
                    <Button aria-label={t("Sign out {device}", { device: deviceName(session) })} onClick={() => void revoke(session)}>
                      {t("Sign out")}
                    </Button>
                  }
                />
              )}
            </For>
          </ul>
          <Show when={others().length > 1}>
            <Button kind="danger" busy={busy()} onClick={askRevokeAll}>{t("Sign out all other devices")}</Button>
          </Show>
        </Section>
      </Show>
    </>
  );
}

/** What a client that names no device is called by the server. */
const UNNAMED = "unknown device";

const deviceName = ({ device }: SessionInfo) => (device === UNNAMED ? t("Unknown device") : device);

function Device(props: { session: SessionInfo; action: JSX.Element }) {
  const since = () => timeOfId(props.session.session_id);
  return (
    <li>
      <span class="device">
        <span class="cut">{deviceName(props.session)}</span>
        <span class="second" data-tip={exact(since())}>{t("since {time}", { time: moment(since()) })}</span>
      </span>
      {props.action}
    </li>
  );
}
