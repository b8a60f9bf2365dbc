// What was reported: the open ones, those that are resolved, and one of them with all that belongs to it.
import type { Report, ReportId, ServerId } from "confab-client";
import { createSignal, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { pageBehind, paged } from "../../app/paged.ts";
import { currentServer } from "../../app/place.ts";
import { Tabs } from "../../kit/tabs.tsx";
import { Table } from "../../kit/table.tsx";
import { moment, timeOfId } from "../../lang/dates.ts";
import { say, t } from "../../lang/index.ts";
import { shownName } from "../people/names.ts";
import { countReports } from "./open-reports.ts";
import { ReportDetail } from "./report-detail.tsx";
import { CATEGORIES } from "./words.ts";
import "./moderation.css";

const PAGE = 50;
type Kind = "open" | "resolved";

export default function ReportsPage() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <Reports server={server} />}</Show>;
}

function Reports(props: { server: ServerId }) {
  const [kind, setKind] = createSignal<Kind>("open");
  const [chosen, setChosen] = createSignal<Report>();
  const tabs = () => [
    { id: "open" as const, label: t("Open") },
    { id: "resolved" as const, label: t("Resolved") },
  ];
  void countReports(props.server);
  const back = () => {
    setChosen(undefined);
    void countReports(props.server);
  };
  return (
    <Show
      when={chosen()}
      keyed
      fallback={
        <Tabs label={t("Reports")} tabs={tabs()} current={kind()} onChange={setKind}>
          <Show when={kind()} keyed>{(shown) => <List server={props.server} kind={shown} onChoose={setChosen} />}</Show>
        </Tabs>
      }
    >
      {(report) => <ReportDetail server={props.server} report={report} onBack={back} />}
    </Show>
  );
}

function List(props: { server: ServerId; kind: Kind; onChoose: (report: Report) => void }) {
  const { server, kind } = props;
  const reports = paged<Report, ReportId>(async (before) => {
    const page = await client.call("reports_list", server, { resolved: kind === "resolved", before, limit: PAGE });
    client.meet(page.reports.flatMap(({ author_id, reporter_id }) => (reporter_id === null ? author_id : [author_id, reporter_id])), server);
    return pageBehind(page.reports, PAGE, ({ report_id }) => report_id);
  });
  const channel = ({ channel_id }: Report) => state.channels[channel_id]?.name;
  return (
    <div class="under-tabs">
      <Table<Report>
        label={t("Reports")}
        empty={kind === "open" ? t("There are no open reports.") : t("No report has been resolved yet.")}
        rows={reports.rows()}
        error={reports.error()}
        onMore={reports.more()}
        busy={reports.busy()}
        columns={[
          {
            title: t("Message"),
            names: true,
            cell: (row) => (
              <button type="button" class="report-open" onClick={() => props.onChoose(row)}>
                {row.content ?? t("In a channel that you do not see")}
              </button>
            ),
          },
          { title: t("Author"), cell: ({ author_id }) => shownName(author_id, server) },
          { title: t("Channel"), cell: (row) => (channel(row) === undefined ? "" : `#${channel(row)}`) },
          { title: t("Why"), cell: (row) => (row.category === "rule" ? row.text : say(CATEGORIES[row.category])) },
          { title: t("When"), cell: ({ report_id }) => moment(timeOfId(report_id), minute()) },
        ]}
      />
    </div>
  );
}
