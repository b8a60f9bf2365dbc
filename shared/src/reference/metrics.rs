//! `docs/metrics-PROGRAM.md`: what a program counts and measures.

use std::collections::BTreeSet;

use prometheus::{
    Registry,
    proto::{Metric, MetricType},
};

use super::{GENERATED, cell};

/// Writes the reference of one program's metrics.
///
/// A registry shows a metric with labels only once it has a value: touch one
/// value of each before.
pub fn metrics(program: &str, registry: &Registry) -> String {
    let rows = registry.gather().into_iter().map(|family| {
        let labels: BTreeSet<_> = family
            .get_metric()
            .iter()
            .flat_map(Metric::get_label)
            .map(|label| format!("`{}`", label.name()))
            .collect();
        let labels: Vec<_> = labels.into_iter().collect();
        let (kind, labels) = (kind(family.get_field_type()), labels.join(", "));
        let (name, meaning) = (family.name(), cell(family.help()));
        format!("| `{name}` | {kind} | {labels} | {meaning} |\n")
    });
    let rows: String = rows.collect();
    format!(
        "{GENERATED}# Metrics of `{program}`\n\n\
         Served in the text format of Prometheus at `/metrics` of the operations port.\n\n\
         | Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n{rows}"
    )
}

const fn kind(kind: MetricType) -> &'static str {
    match kind {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
        MetricType::HISTOGRAM => "histogram",
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts};

    use super::*;

    #[test]
    fn metrics_stand_in_a_table_with_their_labels() {
        let registry = Registry::new();
        let opts = Opts::new("x_total", "How many.");
        let counter = IntCounterVec::new(opts, &["command", "refusal"]).unwrap();
        counter.with_label_values(&["a", "b"]).inc();
        counter.with_label_values(&["c", "d"]).inc();
        let histogram = Histogram::with_opts(HistogramOpts::new("x_seconds", "How long.")).unwrap();
        registry.register(Box::new(counter)).unwrap();
        registry.register(Box::new(histogram)).unwrap();
        let text = metrics("x", &registry);
        for line in [
            "\n| `x_total` | counter | `command`, `refusal` | How many. |\n",
            "\n| `x_seconds` | histogram |  | How long. |\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }
}
