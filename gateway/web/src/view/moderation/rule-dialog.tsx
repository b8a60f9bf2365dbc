// A rule is made or changed: its kind says which settings there are.
import { channelSections, LIMITS, type ChannelId, type RoleId, type Rule, type RuleAction, type RuleKind, type RuleSettings, type ServerId } from "confab-client";
import { createMemo, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm, type Form } from "../../app/form.ts";
import { Checks } from "../../kit/checks.tsx";
import { Area, Field } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { say, t } from "../../lang/index.ts";
import { offered, SILENCES, span } from "../../lang/spans.ts";
import { serverPermissions } from "../rights.ts";
import { ownRolesOf } from "../roles/names.ts";
import { draftOf, EMPTY, hasLimit, hasLines, hasSeconds, LOCKS, SECONDS, settingsOf, type Draft } from "./rule-draft.ts";
import { ACTIONS, KINDS } from "./words.ts";

interface RuleDialogProps {
  server: ServerId;
  rule: Rule | undefined;
  onSaved: (rule: Rule) => void;
  close: () => void;
}

export function RuleDialog(props: RuleDialogProps) {
  const { server, rule } = props;
  const form = useForm<Draft>({
    start: () => (rule === undefined ? EMPTY : draftOf(rule.settings)),
    save: async (_, draft) => {
      props.onSaved(await saveRule(server, rule, settingsOf(draft)));
      props.close();
    },
    fieldOf: ({ detail }) => (detail === "words" ? "lines" : undefined),
    words: { limit_reached: ({ detail }) => (detail === "words" ? t("All rules together can list 1,000 words.") : undefined) },
    invalid: {
      name: () => t("Enter a name."),
      lines: ({ kind }) => (kind === "links" ? t("List hosts, like example.org.") : t("Name at least one word: letters, digits, and * at an end.")),
      limit: () => t("A number from 1 to {most}.", { most: LIMITS.MAX_RULE_LIMIT }),
    },
  });
  const draft = form.values;
  const kinds = (Object.keys(KINDS) as RuleKind[]).map((value) => ({ value, label: say(KINDS[value].name) }));
  return (
    <FormDialog
      title={rule === undefined ? t("New rule") : t("Change the rule {rule}", { rule: rule.settings.name })}
      form={form}
      action={t("Save")}
      close={props.close}
    >
      <Field label={t("Name")} hint={t("Authors of refused messages are told.")} autofocus autocomplete="off" maxlength={LIMITS.MAX_TITLE_CHARS} {...form.text("name")} />
      <Select label={t("Looks for")} options={kinds} hint={say(KINDS[draft().kind].hint)} {...form.pick("kind")} />
      <Finds form={form} />
      <Show
        when={draft().kind !== "raid"}
        fallback={<Lengths label={t("Nobody can join for")} usual={LOCKS} {...form.pick("lock_seconds")} />}
      >
        <Does server={server} form={form} />
        <Spares server={server} form={form} />
      </Show>
    </FormDialog>
  );
}

/** Nobody is told of a rule by an event: what it is now follows from what was asked. */
async function saveRule(server: ServerId, rule: Rule | undefined, settings: RuleSettings): Promise<Rule> {
  if (rule === undefined) return client.call("automod_rule_create", server, { settings });
  await client.call("automod_rule_update", server, { rule_id: rule.rule_id, settings });
  return { ...rule, settings, maker_id: state.me?.user_id ?? null };
}

/** What it looks for, as its kind needs it. */
function Finds(props: { form: Form<Draft> }) {
  const { form } = props;
  const kind = () => form.values().kind;
  return (
    <>
      <Show when={hasLines(kind())}>
        <Area label={kind() === "words" ? t("Words, one in each line") : t("Where links may lead, one host in each line")} rows={4} {...form.text("lines")} />
      </Show>
      <Show when={hasLimit(kind())}>
        <Field
          label={LIMIT_LABELS[kind()]()}
          type="number"
          inputmode="numeric"
          min={1}
          max={LIMITS.MAX_RULE_LIMIT}
          {...form.text("limit")}
          onInput={(event) => form.set("limit", Math.max(0, Math.floor(Number(event.currentTarget.value))))}
        />
      </Show>
      <Show when={hasSeconds(kind())}>
        <Lengths label={t("Within")} usual={SECONDS} {...form.pick("seconds")} />
      </Show>
    </>
  );
}

/** What it does about it. */
function Does(props: { server: ServerId; form: Form<Draft> }) {
  // What silences needs the right to silence.
  const actions = createMemo(() =>
    (Object.keys(ACTIONS) as RuleAction[])
      .filter((value) => value !== "timeout" || serverPermissions(props.server).has("TIMEOUT_MEMBERS"))
      .map((value) => ({ value, label: say(ACTIONS[value]) })),
  );
  return (
    <>
      <Select label={t("Does")} options={actions()} {...props.form.pick("action")} />
      <Show when={props.form.values().action === "timeout"}>
        <Lengths label={t("Timed out for")} usual={SILENCES} {...props.form.pick("timeout_seconds")} />
      </Show>
    </>
  );
}

/** Whom and where it leaves alone. */
function Spares(props: { server: ServerId; form: Form<Draft> }) {
  return (
    <>
      <Exempt<RoleId>
        label={t("Exempt roles")}
        all={ownRolesOf(props.server).map(({ role_id, name }) => ({ id: role_id, name }))}
        {...props.form.pick("exempt_roles")}
      />
      <Exempt<ChannelId> label={t("Exempt channels")} all={channelsOf(props.server)} {...props.form.pick("exempt_channels")} />
    </>
  );
}

const LIMIT_LABELS: Record<RuleKind, () => string> = {
  words: () => "",
  links: () => "",
  mentions: () => t("How many mentions are allowed"),
  repeats: () => t("How often the same text is allowed"),
  raid: () => t("How many can join"),
};

function Lengths(props: { label: string; usual: readonly number[]; value: number; onChange: (value: number) => void }) {
  const options = createMemo(() => offered(props.usual, props.value).map((value) => ({ value, label: span(value) })));
  return <Select label={props.label} value={props.value} options={options()} onChange={props.onChange} />;
}

interface Named<Id> {
  id: Id;
  name: string;
}

function Exempt<Id extends number>(props: { label: string; all: readonly Named<Id>[]; value: readonly Id[]; onChange: (ids: Id[]) => void }) {
  const nameOf = (id: Id) => props.all.find((one) => one.id === id)?.name;
  return (
    <Show when={props.all.length > 0}>
      <details class="exempt">
        <summary>{props.label}: {props.value.length}</summary>
        <Checks label={props.label} ids={props.all.map(({ id }) => id)} value={props.value} onChange={props.onChange}>
          {(id) => <span class="cut">{nameOf(id)}</span>}
        </Checks>
      </details>
    </Show>
  );
}

function channelsOf(server: ServerId): Named<ChannelId>[] {
  const channels = channelSections(state, server).flatMap((section) => section.channels);
  return channels.filter(({ kind }) => kind !== "separator").map(({ channel_id, name }) => ({ id: channel_id, name: `#${name}` }));
}
