//! What readers do to each other, and what deployments do to readers: P8, P9.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;

use super::{
    schedule::{Fault, Who, ours},
    trial::{BACK, Size, Trial},
};
use crate::{
    checker::{delivery_times, quantile},
    client::{Client, Options, log::Seen},
    cluster::{Signal, node_metric, node_ready},
    history::{Entry, Op},
    workload::{Ended, Plan, Workload},
};

/// How much is written at most until readers that read nothing are cut: 40 MB,
/// many times what a queue and the buffers of a socket hold.
const MOST_UNREAD: u64 = 20_000;
/// Memory that a gateway may gain for each slow reader besides its queue, in KiB.
const GROWTH: u64 = 65_536;
/// How much worse the others may fare, in hundredths: within a fifth.
const HARM: u64 = 120;

/// P8: some stop reading; a calm phase before tells how the others fare without them.
pub(super) async fn slow(trial: &mut Trial<'_>) -> Result<()> {
    let (readers, slow) = trial.terms.size.choose((2, 1), (38, 2), (190, 10));
    let plan = Plan {
        writers: 4,
        readers,
        every: Duration::from_millis(trial.terms.size.choose(2, 10, 20)),
        bytes: 1_900,
        catch_up: BACK * 2,
        ..Plan::patient()
    };
    let fixture = trial.fixture(8).await?;
    let calm = trial.workload(&fixture, &plan).await?;
    calm.progress(trial.terms.size.choose(200, 1_000, 3_000), BACK * 2)
        .await?;
    let calm = trial.judge(calm).await?;

    let fixture = trial.fixture(8).await?;
    let before = trial.gateways_kib();
    let options = Options {
        receive_buffer: Some(4_096),
        ..Options::default()
    };
    let others = vec![(fixture.clone(), options); slow];
    let workload = trial.workload_with(&fixture, &plan, &others).await?;
    let sleepers: Vec<Arc<Client>> = workload.readers.iter().skip(readers).cloned().collect();
    trial.note(format!("{slow} of {} stop reading", readers + slow));
    for sleeper in &sleepers {
        sleeper.read(false).await?;
    }
    write_until_cut(trial, &workload, slow).await?;
    let grown = trial.gateways_kib().saturating_sub(before);
    let most = GROWTH * trial.terms.size.choose(1, 2, 4);
    trial.demand(grown < most, || format!("the gateways grew by {grown} KiB"));
    trial.measured(format!(
        "the gateways grew by {grown} KiB until all slow ones were cut"
    ));
    trial.note("they read again");
    for sleeper in &sleepers {
        sleeper.read(true).await?;
    }
    let others: Vec<Arc<Client>> = workload.readers.iter().take(readers).cloned().collect();
    let ended = trial.judge(workload).await?;
    trial.demand_everything(&ended.report, readers + slow);
    for (number, other) in others.iter().enumerate() {
        trial.demand(!other.was_lost(), || {
            format!("reader {number} was cut, too")
        });
    }
    for sleeper in &sleepers {
        trial.demand(sleeper.was_lost(), || {
            "a slow reader was never cut".to_owned()
        });
    }
    compare(trial, readers, &calm, &ended);
    Ok(())
}

/// Writes until the gateways say that they cut so many slow readers.
async fn write_until_cut(trial: &Trial<'_>, workload: &Workload, slow: usize) -> Result<()> {
    let counter = r#"confab_gateway_closed_total{close_code="SlowConsumer"}"#;
    loop {
        let mut cut = 0;
        for gateway in &trial.cluster.gateways {
            cut += node_metric(gateway, counter).await?;
        }
        if cut >= slow as u64 {
            return Ok(());
        }
        let written = workload.acknowledged();
        if written > MOST_UNREAD {
            bail!("{cut} of {slow} were cut after {written} messages");
        }
        workload.progress(100, BACK).await?;
    }
}

/// How the others fared. Milliseconds are judged only where the machine is quiet.
fn compare(trial: &mut Trial<'_>, readers: usize, calm: &Ended, ended: &Ended) {
    let quick = |client: &str| {
        let number = client.trim_start_matches('r').parse::<usize>();
        number.is_ok_and(|number| number < readers)
    };
    let p99 = |ended: &Ended| quantile(&delivery_times(&ended.history, quick), 0.99);
    let (before, after) = (p99(calm), p99(ended));
    let ratio = after
        .saturating_mul(100)
        .checked_div(before)
        .unwrap_or_default();
    trial.measured(format!(
        "p99 of the others: {after} us, {before} us without slow ones, {ratio} %"
    ));
    let strict = trial.terms.strict;
    trial.demand(!strict || ratio <= HARM, || {
        format!("the others fared worse: {ratio} %")
    });
}

/// P9: every gateway, then every worker, is ended politely and started again.
pub(super) async fn rolled(trial: &mut Trial<'_>) -> Result<()> {
    let readers = trial.terms.size.choose(16, 100, 400);
    let plan = Plan {
        readers,
        ..Plan::patient()
    };
    let (_, workload) = trial.begin(8, &plan, 30).await?;
    let end = Instant::now() + trial.terms.length;
    let mut windows = Vec::new();
    loop {
        for who in ours(&trial.cluster).into_iter().rev() {
            let from = workload.now();
            roll(trial, who).await?;
            if matches!(who, Who::Gateway(_)) {
                windows.push((from, workload.now()));
            }
            workload.progress(30, BACK).await?;
        }
        if Instant::now() > end || trial.terms.size == Size::Short {
            break;
        }
    }
    let mut delays = asked(&workload.readers);
    let ended = trial.judge(workload).await?;
    trial.demand_no_gaps(&ended.report);
    trial.demand_no_unknown(&ended.report);
    let count = delays.len();
    trial.demand(count >= readers / 2, || {
        format!("only {count} were asked to go")
    });
    delays.dedup();
    trial.demand(delays.len() * 2 > count, || {
        format!("they were asked to go together: {delays:?}")
    });
    for (from, to) in windows {
        spread(trial, &ended.history, from, to);
    }
    Ok(())
}

/// Ends a process politely and starts it again.
pub(super) async fn roll(trial: &mut Trial<'_>, who: Who) -> Result<()> {
    trial.note(Fault::Roll(who));
    let node = super::schedule::node(&trial.cluster, who)?;
    node.signal(Signal::TERM)?;
    let status = node.ended(BACK).await?;
    if !status.success() {
        bail!("{who} ends with {status}");
    }
    node.restart()?;
    node_ready(node, BACK)
        .await
        .with_context(|| format!("after the restart of {who}"))
}

/// What readers were asked to wait before they go elsewhere, sorted.
fn asked(readers: &[Arc<Client>]) -> Vec<u64> {
    let log = readers.iter().flat_map(|reader| reader.log().since(0));
    let mut delays: Vec<u64> = log
        .filter_map(|seen| match seen {
            Seen::Asked(asked) => Some(asked.delay_ms),
            _ => None,
        })
        .collect();
    delays.sort_unstable();
    delays
}

/// How the sessions that went on within a time were spread over it.
fn spread(trial: &mut Trial<'_>, history: &[Entry], from: u64, to: u64) {
    let resumed = |entry: &&Entry| entry.op == Op::Resume && (from..to).contains(&entry.t);
    let mut times: Vec<u64> = history
        .iter()
        .filter(resumed)
        .map(|entry| entry.t)
        .collect();
    times.sort_unstable();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return;
    };
    let over = last - first;
    let in_a_second = |at: &u64| {
        times
            .iter()
            .filter(|t| (*at..at + 1_000_000).contains(*t))
            .count()
    };
    let most = times.iter().map(in_a_second).max().unwrap_or_default();
    trial.measured(format!(
        "{} sessions went elsewhere over {:.1} s, at most {most} in a second",
        times.len(),
        Duration::from_micros(over).as_secs_f64()
    ));
}
