// The rules of moderation of a server, and a box to try them with.
import { LIMITS, type Rule, type RuleFinding, type ServerId } from "confab-client";
import { createSignal, For, Show } from "solid-js";
import { act, sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { paged } from "../../app/paged.ts";
import { currentServer } from "../../app/place.ts";
import { Button } from "../../kit/button.tsx";
import { ask, openDialog } from "../../kit/dialog.tsx";
import { Area, Switch } from "../../kit/field.tsx";
import { Section } from "../../kit/form.tsx";
import { Table } from "../../kit/table.tsx";
import { say, t } from "../../lang/index.ts";
import { RuleDialog } from "./rule-dialog.tsx";
import { ACTIONS, KINDS } from "./words.ts";
import "./moderation.css";

export default function RulesPage() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <Rules server={server} />}</Show>;
}

function Rules(props: { server: ServerId }) {
  const { server } = props;
  // Nobody is told when rules change: they are fetched when they are looked at, and what is done here is put in.
  const rules = paged<Rule, never>(async () => ({ rows: (await client.call("automod_rules_list", server, {})).rules, next: null }));
  const put = (rule: Rule) => rules.change((rows) => [...rows.filter(({ rule_id }) => rule_id !== rule.rule_id), rule].sort((a, b) => a.rule_id - b.rule_id));
  const edit = (rule: Rule | undefined) => openDialog((close) => <RuleDialog server={server} rule={rule} onSaved={put} close={close} />);
  const turn = async (rule: Rule, enabled: boolean) => {
    const next = { ...rule, settings: { ...rule.settings, enabled } };
    const done = await act(client.call("automod_rule_update", server, { rule_id: rule.rule_id, settings: next.settings }));
    put(done ? next : { ...rule });
  };
  const remove = (rule: Rule) =>
    ask({
      title: t("Delete the rule {rule}?", { rule: rule.settings.name }),
      text: t("It stops checking messages."),
      action: t("Delete"),
      danger: true,
      run: async () => {
        if (!(await act(client.call("automod_rule_delete", server, { rule_id: rule.rule_id })))) return;
        rules.change((rows) => rows.filter(({ rule_id }) => rule_id !== rule.rule_id));
      },
    });
  return (
    <>
      <p class="page-deed"><Button kind="accent" icon="plus" onClick={() => edit(undefined)}>{t("New rule")}</Button></p>
      <div class="rules">
        <Table<Rule>
          label={t("Automatic rules")}
          empty={t("There are no rules yet. A rule can stop words, links, mentions, repeats and raids.")}
          rows={rules.rows()}
          error={rules.error()}
          columns={[
            { title: t("On"), cell: (rule) => <Switch bare label={t("{rule} is on", { rule: rule.settings.name })} checked={rule.settings.enabled} onChange={(on) => void turn(rule, on)} /> },
            { title: t("Name"), names: true, cell: ({ settings }) => <strong>{settings.name}</strong> },
            { title: t("Looks for"), cell: ({ settings }) => say(KINDS[settings.kind].name) },
            { title: t("Does"), cell: ({ settings }) => (settings.kind === "raid" ? t("Lock the server") : say(ACTIONS[settings.action])) },
            {
              title: t("Actions"),
              quiet: true,
              cell: (rule) => (
                <span class="cell-deeds">
                  <Button aria-label={t("Edit {name}", { name: rule.settings.name })} onClick={() => edit(rule)}>{t("Edit")}</Button>
                  <Button kind="quiet" aria-label={t("Delete {name}", { name: rule.settings.name })} onClick={() => remove(rule)}>{t("Delete")}</Button>
                </span>
              ),
            },
          ]}
        />
      </div>
      <Try server={server} />
    </>
  );
}

function Try(props: { server: ServerId }) {
  const [text, setText] = createSignal("");
  const [found, setFound] = createSignal<readonly RuleFinding[]>();
  const [error, setError] = createSignal<string>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setError(undefined);
    try {
      setFound((await client.call("automod_test", props.server, { text: text() })).findings);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
  };
  return (
    <Section title={t("Try the rules")} description={t("Shows what the rules that are on would do with a text. Nothing is sent.")}>
      <form onSubmit={(event) => void submit(event)} novalidate>
        <Area label={t("Text")} rows={2} maxlength={LIMITS.MAX_MESSAGE_CHARS} value={text()} onInput={(event) => setText(event.currentTarget.value)} />
        <p><Button submit disabled={text().trim() === ""}>{t("Try it")}</Button></p>
        <div role="status">
          <Show when={error()}>{(sentence) => <p class="error">{sentence()}</p>}</Show>
          <Show when={found()}>
            {(findings) => (
              <ul class="findings">
                <For each={findings()} fallback={<li>{t("No rule matches.")}</li>}>
                  {(one) => <li>{t("{rule} finds “{found}”: {action}", { rule: one.name, found: one.found, action: say(ACTIONS[one.action]) })}</li>}
                </For>
              </ul>
            )}
          </Show>
        </div>
      </form>
    </Section>
  );
}
