// Who runs the deployment, how much it holds and what waits. What it says is as old as its last answer.
import type { DeploymentStatus, NodeStatus } from "confab-client";
import { createSignal, For, onCleanup, Show, type JSX } from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { poll } from "../../app/poll.ts";
import { Coded } from "../../kit/coded.tsx";
import { Section } from "../../kit/form.tsx";
import { Icon } from "../../kit/icon.tsx";
import { Table } from "../../kit/table.tsx";
import { moment } from "../../lang/dates.ts";
import { bytesText, countText } from "../../lang/figures.ts";
import { list, t, tn } from "../../lang/index.ts";
import { elapsed } from "../../lang/spans.ts";
import { versionsOf } from "./versions.ts";
import "./status.css";

const EVERY = 10_000;
/** Up to here the server counts; beyond it estimates. */
const COUNTED = 10_000;

export default function StatusPage() {
  const [known, setKnown] = createStore<{ status?: DeploymentStatus }>({});
  const [error, setError] = createSignal<string>();
  const ask = () => client.call("deployment_status", 0, {});
  const end = poll(ask, EVERY, {
    answer: (status) => {
      setError(undefined);
      // Rows that are still there stay the same elements.
      setKnown("status", reconcile(status, { key: "name" }));
    },
    refusal: (refusal) => setError(sentenceOf(refusal)),
  });
  onCleanup(end);
  return (
    <>
      <Show when={error()}>{(text) => <p class="error page-deed" role="alert">{text()}</p>}</Show>
      <Show when={known.status}>
        {(status) => (
          <>
            <Figures status={status()} />
            <Section title={t("Nodes")}>
              <Warning text={missedText(status().nodes)} />
              <Warning text={versionsText(status().nodes)} />
              <Nodes nodes={status().nodes} />
            </Section>
          </>
        )}
      </Show>
      <p class="second"><Coded text={t("Each node has more figures at `/metrics` on its operations port; `docs/operations.md` says which ones to watch.")} /></p>
    </>
  );
}

interface Tile {
  title: string;
  figure: string;
  hint?: string;
  warns?: boolean;
}

function Figures(props: { status: DeploymentStatus }) {
  const tiles = (): Tile[] => {
    const { online, accounts, servers, messages, database_bytes, waiting_commands, oldest_work_ms, unread_events, parked } = props.status;
    return [
      { title: t("Online"), figure: countText(online) },
      { title: t("Accounts"), figure: counted(accounts) },
      { title: t("Servers"), figure: counted(servers) },
      { title: t("Messages"), figure: counted(messages) },
      { title: t("Database"), figure: bytesText(database_bytes) },
      { title: t("Commands in the queue"), figure: countText(waiting_commands), hint: t("Sent by people, not yet done. If they pile up, add workers.") },
      {
        title: t("Longest wait"),
        figure: oldest_work_ms === 0 ? t("Nothing waits") : elapsed(oldest_work_ms),
        hint: t("Of work in the background. If it keeps rising, check the workers and Postgres."),
      },
      { title: t("Events to process"), figure: countText(unread_events), hint: t("Of the log, not yet searched for deleted texts. Comes down by itself.") },
      { title: t("Failed jobs"), figure: countText(parked), warns: parked > 0, hint: t("Tried too often. `worker admin jobs` lists them and why.") },
    ];
  };
  return (
    <Section title={t("Figures")}>
      <dl class="tiles">
        <For each={tiles()}>
          {(tile) => (
            <div class="tile" classList={{ warns: tile.warns === true }}>
              <dt>{tile.title}</dt>
              <dd class="tile-figure">
                <Show when={tile.warns}><Icon name="warning" /></Show>
                {tile.figure}
              </dd>
              <Show when={tile.hint}>{(hint) => <dd class="meta"><Coded text={hint()} /></dd>}</Show>
            </div>
          )}
        </For>
      </dl>
      <p class="meta"><Coded text={t("Id of the event log: `{epoch}`", { epoch: epochText(props.status.epoch) })} /></p>
    </Section>
  );
}

/** It ends in the name that a restore gave the log; before the first one that is empty. */
const epochText = (epoch: string) => epoch.replace(/-$/, "");

const counted = (count: number) => (count < COUNTED ? countText(count) : t("about {count}", { count: countText(count) }));
const versionText = (version: string | null) => version ?? t("older");

/** Said once when it begins, and while it is so. */
function Warning(props: { text: string | undefined }) {
  return <div role="status"><Show when={props.text}>{(text) => <p><Warned>{text()}</Warned></p>}</Show></div>;
}

const Warned = (props: { children: JSX.Element }) => <span class="warned"><Icon name="warning" /> {props.children}</span>;

function missedText(nodes: readonly NodeStatus[]): string | undefined {
  const names = nodes.filter((node) => node.gone !== null).map((node) => node.name);
  return names.length === 0 ? undefined : tn("{names} ended without a word. The others go on; the log of the node says why.", names.length, { names: list(names) });
}

function versionsText(nodes: readonly NodeStatus[]): string | undefined {
  const versions = versionsOf(nodes);
  return versions.length < 2 ? undefined : t("Not all nodes run the same version: {versions}.", { versions: list(versions.map(versionText)) });
}

function Nodes(props: { nodes: readonly NodeStatus[] }) {
  const common = () => versionsOf(props.nodes)[0];
  return (
    <Table
      label={t("Nodes")}
      rows={props.nodes}
      empty={t("No node reports that it is running.")}
      columns={[
        { title: t("Kind"), cell: (node) => (node.kind === "gateway" ? t("Gateway") : t("Worker")) },
        { title: t("Name"), names: true, cell: (node) => node.name },
        { title: t("Version"), brief: true, cell: (node) => <Version node={node} differs={node.version !== common()} /> },
        { title: t("Up since"), brief: true, cell: (node) => <Since node={node} /> },
        { title: t("Load"), brief: true, figures: true, cell: loadText },
      ]}
    />
  );
}

function Version(props: { node: NodeStatus; differs: boolean }) {
  return (
    <Show when={props.differs} fallback={versionText(props.node.version)}>
      <Warned>{versionText(props.node.version)} <span class="unseen">{t("differs")}</span></Warned>
    </Show>
  );
}

function Since(props: { node: NodeStatus }) {
  const since = () => (props.node.since === null ? t("unknown") : moment(props.node.since, minute()));
  return (
    <Show when={props.node.gone} fallback={since()}>
      {(gone) => <Warned>{t("gone since {time}", { time: moment(gone(), minute()) })}</Warned>}
    </Show>
  );
}

function loadText({ kind, load, gone }: NodeStatus): string {
  if (gone !== null) return "";
  if (load === null) return t("unknown");
  return kind === "gateway" ? tn("{count} connections", load) : tn("{count} partitions", load);
}
