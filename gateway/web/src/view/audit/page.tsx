// Who did what: the audit log, newest first, by action and by person.
import type { Action, AuditEntry, EntryId, ModlogSummary, ServerId, UserId } from "confab-client";
import { createSignal, For, onMount, Show } from "solid-js";
import { client } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { paged } from "../../app/paged.ts";
import { currentServer } from "../../app/place.ts";
import { Table } from "../../kit/table.tsx";
import { exact, moment, timeOfId } from "../../lang/dates.ts";
import { say, t } from "../../lang/index.ts";
import { shownName } from "../people/names.ts";
import { ACTIONS } from "./actions.ts";
import { differencesOf } from "./differences.ts";
import { peopleIn, sentenceOf } from "./sentences.ts";
import "./audit.css";

const PAGE = 50;
/** So many of what happened most, and of who did most, are offered as chips. */
const CHIPS = 8;

export default function AuditPage() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <Log server={server} />}</Show>;
}

function Log(props: { server: ServerId }) {
  const { server } = props;
  const [summary, setSummary] = createSignal<ModlogSummary>();
  const [action, setAction] = createSignal<Action>();
  const [actor, setActor] = createSignal<UserId>();
  const entries = paged<AuditEntry, EntryId>(async (before) => {
    const page = await client.call("modlog_get", server, { before, limit: PAGE, action: action() ?? null, actor_id: actor() ?? null });
    client.meet(page.entries.flatMap(peopleIn), server);
    return { rows: page.entries, next: page.next };
  });
  onMount(() => {
    // Without it there are no chips; the log is there all the same.
    void client.call("modlog_summary", server, {}).then((found) => {
      client.meet(found.actors.flatMap(({ actor_id }) => actor_id ?? []), server);
      setSummary(found);
    }, () => undefined);
  });
  const choose = <Value,>(set: (value: Value | undefined) => void, chosen: Value | undefined, value: Value) => {
    set(chosen === value ? undefined : value);
    entries.again();
  };
  return (
    <>
      <Show when={summary()}>
        {(known) => (
          <div class="audit-chips">
            <Chips
              label={t("What")}
              chips={known().actions.slice(0, CHIPS).map(({ action, count }) => ({ id: action, label: say(ACTIONS[action]), count }))}
              chosen={action()}
              onChoose={(value) => choose(setAction, action(), value)}
            />
            <Chips
              label={t("Who")}
              chips={known().actors.slice(0, CHIPS).flatMap(({ actor_id, count }) => (actor_id === null ? [] : [{ id: actor_id, label: shownName(actor_id, server), count }]))}
              chosen={actor()}
              onChoose={(value) => choose(setActor, actor(), value)}
            />
          </div>
        )}
      </Show>
      <Table<AuditEntry>
        label={t("Audit log")}
        empty={entries.more() === undefined ? t("Nothing has been done yet.") : t("Nothing found so far. There is more to search.")}
        rows={entries.rows()}
        error={entries.error()}
        onMore={entries.more()}
        busy={entries.busy()}
        columns={[
          { title: t("What"), names: true, cell: (entry) => <Entry entry={entry} server={server} /> },
          {
            title: t("When"),
            plain: true,
            cell: ({ entry_id }) => <time data-tip={exact(timeOfId(entry_id))}>{moment(timeOfId(entry_id), minute())}</time>,
          },
        ]}
      />
    </>
  );
}

function Entry(props: { entry: AuditEntry; server: ServerId }) {
  const differences = differencesOf(props.entry, props.server);
  // What a rule does has the rule's name for a reason, which the sentence says.
  const reason = () => (props.entry.actor_id === null ? "" : props.entry.reason);
  return (
    <>
      <span>{sentenceOf(props.entry, props.server)}</span>
      <Show when={reason()}>{(text) => <p class="audit-reason">{t("Reason: {reason}", { reason: text() })}</p>}</Show>
      <Show when={differences.length > 0}>
        <dl class="differences">
          <For each={differences}>
            {(one) => (
              <div>
                <dt>{one.field}</dt>
                <dd><del>{one.before}</del> <span aria-hidden="true">→</span> <ins>{one.after}</ins></dd>
              </div>
            )}
          </For>
        </dl>
      </Show>
    </>
  );
}

interface Chip<Id> {
  id: Id;
  label: string;
  count: number;
}

function Chips<Id extends string | number>(props: { label: string; chips: readonly Chip<Id>[]; chosen: Id | undefined; onChoose: (id: Id) => void }) {
  return (
    <div class="chips" role="group" aria-label={props.label}>
      <span class="chips-label">{props.label}</span>
      <For each={props.chips}>
        {(chip) => (
          <button type="button" class="chip" aria-pressed={props.chosen === chip.id} onClick={() => props.onChoose(chip.id)}>
            {chip.label} <span class="chip-count">{chip.count}</span>
          </button>
        )}
      </For>
    </div>
  );
}
