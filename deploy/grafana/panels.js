// The words in which dashboards are written: what a panel asks for, by the kind of its metric.
import { DashboardBuilder, DatasourceVariableBuilder, QueryVariableBuilder, RowBuilder, VariableRefresh } from "@grafana/grafana-foundation-sdk/dashboard";
import { VizLegendOptionsBuilder } from "@grafana/grafana-foundation-sdk/common";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

const datasource = { type: "prometheus", uid: "${datasource}" };

const jobOf = (name) => (name.startsWith("confab_gateway_") ? "gateway" : "worker");
const selector = (name, part = "") => `${name}${part}{namespace=~"$namespace",job="${jobOf(name)}"}`;

/** How often a counter rises in a second. */
export const rate = (name, by = "instance") => ({
  query: `sum by (${by}) (rate(${selector(name)}[$__rate_interval]))`,
  legend: `{{${by}}}`,
  name,
});

/** What a gauge says; `how` joins those of all programs. */
export const value = (name, by = "instance", how = "sum") => ({ query: `${how} by (${by}) (${selector(name)})`, legend: `{{${by}}}`, name });

/** How many processes of a program are ready. */
export const ready = (program) => ({ query: `sum by (job) (confab_ready{namespace=~"$namespace",job="${program}"})`, legend: "{{job}}" });

/** Half of the values, and 99 in 100, are below. */
export const quantiles = (name, by = "") =>
  [0.5, 0.99].map((quantile) => ({
    query: `histogram_quantile(${quantile}, sum by (${by ? `le, ${by}` : "le"}) (rate(${selector(name, "_bucket")}[$__rate_interval])))`,
    legend: `${by ? `{{${by}}} ` : ""}p${quantile * 100}`,
  }));

/** What a rule recorded. */
export const recorded = (name, legend) => ({ query: `${name}{namespace=~"$namespace",slo!=""}`, legend });

/** A panel of queries; where they are of several metrics, the legend says which. */
export function panel(title, unit, ...queries) {
  const all = queries.flat();
  const several = new Set(all.map(({ name }) => name).filter(Boolean)).size > 1;
  const made = new PanelBuilder().title(title).unit(unit).min(0).height(8).span(8).datasource(datasource);
  made.legend(new VizLegendOptionsBuilder().showLegend(true));
  for (const [index, { query, legend, name }] of all.entries()) {
    const short = name?.replace(/^confab_(gateway_)?/, "").replace(/_total$/, "");
    const target = new DataqueryBuilder().refId(String.fromCharCode(65 + index)).datasource(datasource).expr(query);
    made.withTarget(target.legendFormat(several ? `${short} ${legend}` : legend));
  }
  return made;
}

// Prometheus may know of several Confabs, each in its namespace; elsewhere the label is empty, which "all" finds too.
const namespace = () =>
  new QueryVariableBuilder("namespace")
    .label("Namespace")
    .query("label_values(confab_gateway_connections, namespace)")
    .datasource(datasource)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .includeAll(true)
    .allValue(".*")
    .current({ selected: true, text: "All", value: "$__all" });

/** A dashboard of rows: `{ title: [panels] }`. */
export function dashboard(name, title, rows) {
  const made = new DashboardBuilder(`Confab: ${title}`)
    .uid(`confab-${name}`)
    .tags(["confab"])
    .refresh("30s")
    .time({ from: "now-3h", to: "now" })
    .timezone("browser")
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"))
    .withVariable(namespace());
  for (const [row, panels] of Object.entries(rows)) {
    made.withRow(new RowBuilder(row));
    for (const one of panels) made.withPanel(one);
  }
  return made.build();
}
