//! Members talk while somebody else does something to the cluster.

use std::{io, thread, time::Duration};

use anyhow::Result;
use clap::Args;
use tokio::time::sleep;

use super::{
    figures::count,
    options::{Options, Publishing},
    run::Run,
};
use crate::measure::{Better, Figure, Report};

const SECOND: Duration = Duration::from_secs(1);

/// A room that talks until standard input ends, whatever happens to the cluster meanwhile.
#[derive(Debug, Clone, Args)]
pub struct Hold {
    /// Members of the room.
    #[arg(long, value_name = "COUNT", default_value_t = 300)]
    pub members: usize,
    /// How many of them publish.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub publishers: usize,
    /// How they publish.
    #[command(flatten)]
    pub publishing: Publishing,
    /// Sessions that may resume in one second.
    #[arg(long, value_name = "COUNT")]
    pub most_resumes: Option<f64>,
    /// Milliseconds within which each member is back, counted from the last that it heard.
    #[arg(long, value_name = "MS")]
    pub back_within: Option<f64>,
}

impl Hold {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let mut run = Run::start("hold", options).await?;
        run.fill_room(self.members, self.publishers.max(1), Some(&self.publishing))
            .await?;
        run.publish(&self.publishing.plan(self.publishers)).await?;
        run.warm_up().await?;
        let input = thread::spawn(|| io::copy(&mut io::stdin(), &mut io::sink()));
        while !input.is_finished() {
            sleep(SECOND).await;
            run.second().await?;
        }
        run.arrive().await?;
        let longest = run.total.latencies.resume.millis(1.0);
        let report = run.finish(&[]).await?;
        Ok(self.judge(report, longest))
    }

    /// Adds what happened, and whether that may be.
    fn judge(&self, mut report: Report, longest: f64) -> Report {
        let resumed = report.seconds.iter();
        let resumed = resumed.filter_map(|second| second.rates.get("resumed"));
        let most = resumed.copied().fold(0.0, f64::max);
        if let Some(bound) = self.most_resumes {
            let promise = format!("at most {bound} sessions resume in a second");
            report.promise(&promise, most.to_string(), most <= bound);
        }
        if let Some(bound) = self.back_within {
            let promise = format!("each member is back within {bound} ms");
            report.promise(&promise, format!("{longest:.0} ms"), longest <= bound);
        }
        report.figures.extend([
            Figure::once("most resumes in a second", "/s", Better::Less, most),
            Figure::once("longest way back", "ms", Better::Less, longest),
            count("deliveries", report.checks.received),
        ]);
        report
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;
    use crate::measure::Second;

    /// What becomes of a run in which at most 20 sessions resumed in a second, and one was away for
    /// 1,500 ms.
    fn judged(bounds: &[&str]) -> Report {
        let words = [&["hold"], bounds].concat();
        let matches = Hold::augment_args(Command::new("hold")).get_matches_from(words);
        let hold = Hold::from_arg_matches(&matches).unwrap();
        let mut report = Report::new("hold");
        report.seconds = [3.0, 20.0, 0.0]
            .map(|resumed| Second {
                at: 0.0,
                rates: BTreeMap::from([("resumed".to_owned(), resumed)]),
                load: BTreeMap::new(),
            })
            .into();
        report.checks.received = 7;
        hold.judge(report, 1_500.0)
    }

    fn kept(report: &Report) -> Vec<bool> {
        report.objectives.iter().map(|it| it.kept).collect()
    }

    #[test]
    fn a_bound_is_kept_up_to_its_figure_and_broken_beyond() {
        let kept_both = judged(&["--most-resumes", "20", "--back-within", "1500"]);
        assert_eq!(kept(&kept_both), [true, true]);
        let broke_both = judged(&["--most-resumes", "19", "--back-within", "1499"]);
        assert_eq!(kept(&broke_both), [false, false]);
        assert!(judged(&[]).objectives.is_empty());
    }

    #[test]
    fn what_happened_is_told_whether_it_was_bounded_or_not() {
        let report = judged(&[]);
        let value = |name| report.figure(name).unwrap().windows.clone();
        assert_eq!(value("most resumes in a second"), [20.0]);
        assert_eq!(value("longest way back"), [1_500.0]);
        assert_eq!(value("deliveries"), [7.0]);
    }
}
