//! The load tool on a small cluster: it counts every delivery, and finds nothing wrong.

use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use loadtest::{
    cluster::{Signal, node_metric},
    load::{
        self, Scenario,
        run::{Run, Shape},
    },
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

/// With the usual 30 s this is within 45 s.
#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_gateway_that_falls_silent_are_back_within_one_and_a_half_heartbeats() {
    const HEARTBEAT: Duration = Duration::from_secs(4);
    let words = "loadtest hold --gateways 2 --workers 1 --seed 7";
    let Scenario::Hold(hold) = Cli::parse_from(words.split_whitespace()).scenario else {
        panic!("it is another scenario");
    };
    let heartbeat = HEARTBEAT.as_millis().to_string();
    let shape = Shape {
        environment: vec![("CONFAB_HEARTBEAT_MS", heartbeat)],
        ..Shape::default()
    };
    let mut run = Run::with("hold", &hold.options, shape).await.unwrap();
    run.fill_room(20, 1, None).await.unwrap();
    let frozen = &run.target.cluster().unwrap().gateways[0];
    frozen.signal(Signal::STOP).unwrap();
    let half = |total: &load::tally::Tally| total.checks.resumes >= 10;
    let back = run.until(HEARTBEAT * 3 / 2, half).await.unwrap();
    let frozen = &run.target.cluster().unwrap().gateways[0];
    frozen.signal(Signal::CONT).unwrap();
    assert!(back, "{:?}", run.total.checks);
    let longest = run.total.latencies.resume.millis(1.0);
    assert!(
        longest > 1_000.0,
        "counted from when it fell silent: {longest}"
    );
}

/// A metric of each gateway.
async fn ask_gateways(run: &Run, name: &str) -> anyhow::Result<Vec<u64>> {
    let mut values = Vec::new();
    for gateway in &run.target.cluster().context("it is private")?.gateways {
        values.push(node_metric(gateway, name).await?);
    }
    Ok(values)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_added_gets_its_share_and_nobody_misses_anything() {
    const MEMBERS: u64 = 90;
    const DRAIN_MS: u64 = 4_000;
    let words = "loadtest hold --gateways 3 --workers 1 --rate 20 --seconds 1 --seed 7";
    let Scenario::Hold(hold) = Cli::parse_from(words.split_whitespace()).scenario else {
        panic!("it is another scenario");
    };
    let shape = Shape {
        environment: vec![
            ("CONFAB_DRAIN_MS", DRAIN_MS.to_string()),
            ("CONFAB_RELIEF_LEAST", "5".to_owned()),
        ],
        ..Shape::default()
    };
    let mut run = Run::with("hold", &hold.options, shape).await.unwrap();
    let added = &run.target.cluster().unwrap().gateways[2];
    added.signal(Signal::TERM).unwrap();
    added.ended(Duration::from_secs(20)).await.unwrap();
    run.fill_room(90, 1, None).await.unwrap();
    let publishing = hold.scenario.publishing.plan(1);
    run.publish(&publishing).await.unwrap();
    run.target.cluster().unwrap().gateways[2].restart().unwrap();
    let mut seconds = 0;
    // Behind these members is what knows no least connections: each goes on to the next gateway.
    loop {
        run.window().await.unwrap();
        let connections = ask_gateways(&run, "confab_gateway_connections")
            .await
            .unwrap();
        seconds += 1;
        // A quarter above the average.
        if connections
            .iter()
            .all(|count| (1..=MEMBERS / 3 * 5 / 4).contains(count))
        {
            break;
        }
        assert!(seconds < 120, "{connections:?}");
    }
    let relieved = ask_gateways(&run, "confab_gateway_relieved_total")
        .await
        .unwrap();
    let report = run.finish(&[]).await.unwrap();
    complete(&report, MEMBERS);
    let relieved = relieved.iter().sum::<u64>();
    assert!((1..=MEMBERS * 4).contains(&relieved), "{relieved}");
    let rates = report
        .seconds
        .iter()
        .filter_map(|second| second.rates.get("resumed"));
    let most = rates.copied().fold(0.0, f64::max);
    assert!(most <= 1.5 * 90.0 / 4.0, "{most} in a second");
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

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_is_told_of_each_mention_once() {
    let report = run("push --accounts 12 --devices 2 --rate 40 --named 2")
        .await
        .unwrap();
    let once = &report.objectives[0];
    assert!(once.kept, "{once:?}");
    let checks = &report.checks;
    assert!(checks.sent > 0, "{checks:?}");
    assert_eq!(checks.expected, checks.sent * 4, "{checks:?}");
    assert_eq!(report.settings["mentions"], "40/s");
    assert!(report.figure("a loop that encrypts").unwrap().value > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_notifications_cost_who_sends_is_measured_in_turns() {
    let report = run("push --send-path --rate 100").await.unwrap();
    let checks = &report.checks;
    assert!(checks.hold(), "{checks:?}");
    assert_eq!(checks.acknowledged, checks.sent, "{checks:?}");
    assert_eq!(checks.expected, checks.sent * 2, "{checks:?}");
    let promise = report.objectives.last().unwrap();
    assert!(promise.promise.contains("2 %"), "{promise:?}");
}
