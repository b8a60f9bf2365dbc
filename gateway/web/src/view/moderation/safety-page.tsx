// Lock-down: nobody joins, or only some may write, until it is over.
import { LIMITS, type RoleId, type ServerId } from "confab-client";
import { createSignal, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { second } from "../../app/clock.ts";
import { currentServer } from "../../app/place.ts";
import { Button } from "../../kit/button.tsx";
import { Field } from "../../kit/field.tsx";
import { Section, Select } from "../../kit/form.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { DAY_S, HOUR_S, span } from "../../lang/spans.ts";
import { ownRolesOf } from "../roles/names.ts";
import { lockdownOf, lockdownText } from "../lockdown/lockdown.ts";

const LENGTHS = [HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S, 0];
const EVERYONE = 0;

export default function SafetyPage() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <Lockdown server={server} />}</Show>;
}

function Lockdown(props: { server: ServerId }) {
  const { server } = props;
  const now = () => lockdownOf(server);
  const [noJoining, setNoJoining] = createSignal(now()?.no_joining ?? true);
  const [speakers, setSpeakers] = createSignal<number>(now()?.speakers ?? EVERYONE);
  const [seconds, setSeconds] = createSignal(HOUR_S);
  const [reason, setReason] = createSignal("");
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const set = async (body: { no_joining: boolean; speakers: RoleId | null; seconds: number | null }) => {
    setBusy(true);
    setError(undefined);
    await client.call("lockdown_set", server, { ...body, reason: reason().trim() }).catch((refusal: unknown) => setError(sentenceOf(refusal)));
    setBusy(false);
  };
  const lock = (event: SubmitEvent) => {
    event.preventDefault();
    const role = speakers() === EVERYONE ? null : (speakers() as RoleId);
    void set({ no_joining: noJoining(), speakers: role, seconds: seconds() === 0 ? null : seconds() });
  };
  const roles = () => {
    const own = ownRolesOf(server).map(({ role_id, name }) => ({ value: role_id as number, label: t("{role}, and who manages messages", { role: name }) }));
    return [{ value: EVERYONE, label: t("Everyone") }, ...own];
  };
  const joining = () => [{ value: "everyone" as const, label: t("Everyone") }, { value: "nobody" as const, label: t("Nobody") }];
  const nothing = () => !noJoining() && speakers() === EVERYONE;
  return (
    <Section title={t("Lock-down")} description={t("For a raid, or when things get out of hand. What you choose here holds once you lock the server down; everyone sees that it is, and until when.")}>
      <Show when={now()}>
        {(lockdown) => (
          <div class="locked" role="status">
            <p>{lockdownText(server, lockdown())}</p>
            <Button kind="accent" busy={busy()} onClick={() => void set({ no_joining: false, speakers: null, seconds: null })}>{t("End the lock-down")}</Button>
          </div>
        )}
      </Show>
      <form onSubmit={lock} novalidate>
        <Select label={t("Who can join")} value={noJoining() ? "nobody" : "everyone"} options={joining()} onChange={(who) => setNoJoining(who === "nobody")} />
        <Select label={t("Who can write")} value={speakers()} options={roles()} onChange={setSpeakers} />
        <Select
          label={t("For how long")}
          value={seconds()}
          options={LENGTHS.map((value) => ({ value, label: value === 0 ? t("Until someone ends it") : span(value) }))}
          hint={seconds() === 0 ? undefined : t("Until {time}", { time: moment(second() + seconds() * 1000, second()) })}
          onChange={setSeconds}
        />
        <Field label={t("Reason, for the audit log")} maxlength={LIMITS.MAX_REASON_CHARS} value={reason()} onInput={(event) => setReason(event.currentTarget.value)} />
        <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
        <p><Button kind="danger" submit busy={busy()} disabled={nothing()}>{now() === undefined ? t("Lock the server down") : t("Change the lock-down")}</Button></p>
      </form>
    </Section>
  );
}
