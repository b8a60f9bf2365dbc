//! The load tool on a small cluster: it counts every delivery, and finds nothing wrong.

use clap::Parser;
use loadtest::{
    load::{self, Scenario},
    measure::Report,
};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

/// One window of a second on one gateway and one worker.
const SHORT: &str = "--gateways 1 --workers 1 --warm-up 0 --windows 1 --seconds 1 --seed 7";

async fn run(scenario: &str) -> anyhow::Result<Report> {
    let words = format!("loadtest {scenario} {SHORT}");
    let cli = Cli::try_parse_from(words.split_whitespace())?;
    Box::pin(load::run(cli.scenario)).await
}

/// Everything that was sent was acknowledged and came to everyone. Whether the
/// generator was late says nothing here: tests run beside others.
fn complete(report: &Report, members_of_a_room: u64) {
    let checks = &report.checks;
    assert!(checks.hold(), "{checks:?}");
    assert!(checks.sent > 0, "{checks:?}");
    assert_eq!(checks.acknowledged, checks.sent, "{checks:?}");
    assert_eq!(checks.expected, checks.sent * members_of_a_room);
    assert_eq!(checks.received, checks.expected, "{checks:?}");
    assert!(report.objectives.iter().all(|objective| objective.kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_hears_everything_once() {
    let report = run("fanout --members 20 --publishers 3 --rate 50 --poisson")
        .await
        .unwrap();
    complete(&report, 20);
    assert_eq!(report.latencies["connect"].count, 20);
    assert_eq!(report.settings["seed"], "7");
    let figure = report.figure("deliveries per gateway CPU second").unwrap();
    assert!(figure.value >= 0.0, "{figure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rooms_in_a_closed_loop_hear_everything_once() {
    let report = run("rooms --rooms 5 --members 3 --window 2 --popularity zipf:1.1")
        .await
        .unwrap();
    complete(&report, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_were_cut_miss_nothing() {
    let report = run("churn --members 20 --cut 10 --churn 2 --rate 50")
        .await
        .unwrap();
    complete(&report, 20);
    assert!(report.checks.resumes >= 20, "{:?}", report.checks);
    assert_eq!(report.checks.gaps, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_fast_is_written_once_a_second() {
    let report = run("cursors --accounts 10 --devices 2 --rate 400")
        .await
        .unwrap();
    assert!(report.checks.acknowledged > 0, "{:?}", report.checks);
    let [answered, written] = report.objectives.as_slice() else {
        panic!("{:?}", report.objectives);
    };
    assert!(answered.kept && written.kept, "{:?}", report.objectives);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_a_large_server_is_told_of_few() {
    for how in ["come", "idle"] {
        let scenario = format!(
            "presence --members 400 --people 40 --rate 40 --watchers 5 --watched 100 --how {how}"
        );
        let report = run(&scenario).await.unwrap();
        let uncut = &report.objectives[0];
        assert!(uncut.kept, "{uncut:?}");
        assert!(report.figure("changes told").unwrap().value > 0.0);
    }
}
