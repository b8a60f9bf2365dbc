// A rule is made or changed: its kind says which settings there are.
import { channelSections, Refusal, type ChannelId, type RoleId, type Rule, type RuleAction, type RuleKind, type ServerId } from "confab-client";
import { createMemo, For, Show } from "solid-js";
import { createStore } from "solid-js/store";
import { client, state } from "../../app/client.ts";
import { Area, Field } from "../../kit/field.tsx";
import { Select } from "../../kit/form.tsx";
import { say, t } from "../../lang/index.ts";
import { offered, SILENCES, span } from "../../lang/spans.ts";
import { Deed } from "../member/deed.tsx";
import { serverPermissions } from "../rights.ts";
import { ownRolesOf } from "../roles/names.ts";
import { draftOf, EMPTY, hasLimit, hasLines, hasSeconds, LOCKS, MOST_LIMIT, SECONDS, settingsOf, type Draft } from "./rule-draft.ts";
import { ACTIONS, KINDS } from "./words.ts";

interface RuleDialogProps {
  server: ServerId;
  rule: Rule | undefined;
  onSaved: (rule: Rule) => void;
  close: () => void;
}

export function RuleDialog(props: RuleDialogProps) {
  const { server, rule } = props;
  const [draft, setDraft] = createStore<Draft>(rule === undefined ? { ...EMPTY } : draftOf(rule.settings));
  const kinds = (Object.keys(KINDS) as RuleKind[]).map((value) => ({ value, label: say(KINDS[value].name) }));
  // What silences needs the right to silence.
  const actions = createMemo(() =>
    (Object.keys(ACTIONS) as RuleAction[])
      .filter((value) => value !== "timeout" || serverPermissions(server).has("TIMEOUT_MEMBERS"))
      .map((value) => ({ value, label: say(ACTIONS[value]) })),
  );
  const save = async () => {
    const settings = settingsOf(draft);
    if (rule === undefined) return props.onSaved(await client.call("automod_rule_create", server, { settings }));
    await client.call("automod_rule_update", server, { rule_id: rule.rule_id, settings });
    props.onSaved({ ...rule, settings, maker_id: state.me?.user_id ?? null });
  };
  return (
    <Deed
      title={rule === undefined ? t("New rule") : t("Change the rule {rule}", { rule: rule.settings.name })}
      action={t("Save")}
      run={save}
      tell={(error) => problem(error, draft.kind)}
      close={props.close}
    >
      <Field
        label={t("Name")}
        hint={t("Authors of refused messages are told.")}
        autofocus
        autocomplete="off"
        maxlength={100}
        value={draft.name}
        onInput={(event) => setDraft("name", event.currentTarget.value)}
      />
      <Select label={t("Looks for")} value={draft.kind} options={kinds} hint={say(KINDS[draft.kind].hint)} onChange={(kind) => setDraft("kind", kind)} />
      <Show when={hasLines(draft.kind)}>
        <Area
          label={draft.kind === "words" ? t("Words, one in each line") : t("Where links may lead, one host in each line")}
          rows={4}
          value={draft.lines}
          onInput={(event) => setDraft("lines", event.currentTarget.value)}
        />
      </Show>
      <Show when={hasLimit(draft.kind)}>
        <Field
          label={LIMITS[draft.kind]()}
          type="number"
          inputmode="numeric"
          min={1}
          max={MOST_LIMIT}
          value={draft.limit}
          onInput={(event) => setDraft("limit", Math.max(0, Math.floor(Number(event.currentTarget.value))))}
        />
      </Show>
      <Show when={hasSeconds(draft.kind)}>
        <Lengths label={t("In which time")} usual={SECONDS} value={draft.seconds} onChange={(value) => setDraft("seconds", value)} />
      </Show>
      <Show
        when={draft.kind !== "raid"}
        fallback={<Lengths label={t("Nobody may join for")} usual={LOCKS} value={draft.lock_seconds} onChange={(value) => setDraft("lock_seconds", value)} />}
      >
        <Select label={t("Does")} value={draft.action} options={actions()} onChange={(action) => setDraft("action", action)} />
        <Show when={draft.action === "timeout"}>
          <Lengths label={t("Timed out for")} usual={SILENCES} value={draft.timeout_seconds} onChange={(value) => setDraft("timeout_seconds", value)} />
        </Show>
        <Exempt
          label={t("Roles left alone")}
          all={ownRolesOf(server).map(({ role_id, name }) => ({ id: role_id, name }))}
          chosen={draft.exempt_roles}
          onChange={(ids) => setDraft("exempt_roles", ids as RoleId[])}
        />
        <Exempt
          label={t("Channels left alone")}
          all={channelsOf(server)}
          chosen={draft.exempt_channels}
          onChange={(ids) => setDraft("exempt_channels", ids as ChannelId[])}
        />
      </Show>
    </Deed>
  );
}

const LIMITS: Record<RuleKind, () => string> = {
  words: () => "",
  links: () => "",
  mentions: () => t("How many mentions are no fault"),
  repeats: () => t("How often the same text is no fault"),
  raid: () => t("How many may join"),
};

function Lengths(props: { label: string; usual: readonly number[]; value: number; onChange: (value: number) => void }) {
  const options = createMemo(() => offered(props.usual, props.value).map((value) => ({ value, label: span(value) })));
  return <Select label={props.label} value={props.value} options={options()} onChange={props.onChange} />;
}

interface Named {
  id: number;
  name: string;
}

function Exempt(props: { label: string; all: readonly Named[]; chosen: readonly number[]; onChange: (ids: number[]) => void }) {
  const toggle = (id: number) => props.onChange(props.chosen.includes(id) ? props.chosen.filter((other) => other !== id) : [...props.chosen, id]);
  return (
    <Show when={props.all.length > 0}>
      <details class="exempt">
        <summary>{props.label}: {props.chosen.length}</summary>
        <div class="checks">
          <For each={props.all}>
            {(one) => (
              <label class="check">
                <input type="checkbox" checked={props.chosen.includes(one.id)} onChange={() => toggle(one.id)} />
                <span class="cut">{one.name}</span>
              </label>
            )}
          </For>
        </div>
      </details>
    </Show>
  );
}

function channelsOf(server: ServerId): Named[] {
  const channels = channelSections(state, server).flatMap((section) => section.channels);
  return channels.filter(({ kind }) => kind !== "separator").map(({ channel_id, name }) => ({ id: channel_id, name: `#${name}` }));
}

function problem(error: unknown, kind: RuleKind): string | undefined {
  if (!(error instanceof Refusal)) return undefined;
  if (error.detail === "name") return t("Enter a name.");
  if (error.detail === "words" && error.reason === "limit_reached") return t("All rules together may name 1,000 words.");
  if (error.detail === "words") return kind === "links" ? t("Name hosts, like example.org.") : t("Name at least one word: letters, digits, and * at an end.");
  if (error.detail === "limit") return t("A number from 1 to 500.");
  return undefined;
}
