//! What a run measured, and the forms in which it is told: a table, JSON, a comparison.
//!
//! - [`latency`] keeps how long something took, with its tail;
//! - [`sample`] reads what processes used, by their role;
//! - [`report`] is all of a run: what was promised, done and measured;
//! - [`environment`] is the machine that the figures are true of;
//! - [`text`] writes numbers for people, [`table`] tells a report to people, [`compare`] two of them.

pub mod compare;
pub mod environment;
pub mod latency;
pub mod report;
pub mod sample;
pub mod table;
mod text;

pub use latency::{Latency, Percentiles};
pub use report::{Better, Checks, Figure, Objective, Report, Validity};
pub use sample::{Mark, Role, Sampler, Second, Usage};
pub use text::{bytes, number, real};

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::{Better, Figure, Latency, Report, Role, Second, Usage};

    /// A report with something in every place.
    pub(super) fn report() -> Report {
        let mut report = Report::new("fanout");
        report.set("members", 1_000);
        report.set("rate", "60/s");
        report.promise("deliver p99 < 50 ms", "9.7 ms", true);
        report.checks.sent = 100;
        report.checks.expected = 100_000;
        report.checks.received = 100_000;
        report.figures = vec![
            Figure::of(
                "deliveries per gateway CPU second",
                "/s",
                Better::More,
                vec![151e3, 153e3, 152e3],
            ),
            Figure::once("memory per connection", "bytes", Better::Less, 4_096.0),
            Figure::once("members", "", Better::Neither, 1_000.0),
        ];
        let mut deliver = Latency::default();
        for micros in 1..=5_000 {
            deliver.record(Duration::from_micros(micros));
        }
        let deliver = deliver.percentiles();
        report.latencies.insert("deliver".to_owned(), deliver);
        let usage = Usage {
            seconds: 10.0,
            cpu: 5.25,
            user: 1.0,
            system: 4.25,
            resident: 1 << 20,
            voluntary: 30,
        };
        report.usage.insert(Role::Gateway, usage);
        report.seconds = vec![Second {
            at: 1.0,
            rates: BTreeMap::from([("delivered".to_owned(), 1_000.0)]),
            load: BTreeMap::from([(Role::Gateway, usage)]),
        }];
        report.validity.lateness.p99 = 300_000;
        report.validity.busy = 0.4;
        report
    }
}
