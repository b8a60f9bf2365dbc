//! What was acknowledged is stored, once and in one order: P1, P2, P3, P10, P11,
//! P15, and all faults at once.

use std::{fs, io::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

use super::{
    schedule::{Fault, Kind, Who},
    trial::{BACK, Size, Trial, until},
};
use crate::{
    checker,
    client::Status,
    cluster,
    workload::{Plan, Workload},
};

/// So soon there is service without what Redis held.
const SERVED: Duration = Duration::from_secs(10);
/// Acknowledgements end so long after the last COMMIT.
const LATE: Duration = Duration::from_secs(1);
/// Memory that a gateway may gain while nothing can be stored, in KiB.
const GROWTH: u64 = 65_536;

/// P1: the stores, the gateways and the workers are killed, again and again.
pub(super) async fn killed(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        writers: 8,
        every: Duration::from_millis(3),
        ..Plan::default()
    };
    let kinds = [Kind::Kill, Kind::FreezeAndKill];
    trial.endure_storm(4, &plan, &kinds).await.map(drop)
}

/// P2: every message is sent three times, over two sessions in turn.
pub(super) async fn repeated(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        sends: 3,
        ..Plan::default()
    };
    let kinds = [Kind::KillOurs, Kind::Freeze];
    trial.endure_storm(3, &plan, &kinds).await.map(drop)
}

/// P3: many write at once, nothing is wrong, and nobody may miss anything.
pub(super) async fn one_order(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        writers: 8,
        readers: 4,
        every: Duration::from_millis(2),
        ..Plan::default()
    };
    let (_, workload) = trial.begin(4, &plan, 200).await?;
    sleep(trial.terms.length).await;
    let report = trial.judge(workload).await?.report;
    trial.demand_everything(&report, plan.readers);
    Ok(())
}

/// P10: Redis is emptied, then replaced by an empty one; both again while there is time.
pub(super) async fn without_redis(trial: &mut Trial<'_>) -> Result<()> {
    let (_, workload) = trial.begin(4, &Plan::default(), 60).await?;
    let end = Instant::now() + trial.terms.length;
    loop {
        for fault in [Fault::Flush, Fault::Kill(Who::Redis)] {
            trial.inflict(fault).await?;
            let began = Instant::now();
            let back = workload.progress(60, trial.allow(SERVED)).await;
            back.with_context(|| format!("service is not back after: {fault}"))?;
            let took = began.elapsed();
            trial.measured(format!("service is back {took:.1?} after: {fault}"));
            trial.in_time("service", SERVED, took);
        }
        if Instant::now() > end {
            break;
        }
    }
    trial.judge(workload).await.map(drop)
}

/// P11: Postgres dies and stays away, then it is frozen.
pub(super) async fn without_postgres(trial: &mut Trial<'_>) -> Result<()> {
    let (_, workload) = trial.begin(4, &Plan::patient(), 60).await?;
    let outage = Duration::from_secs(trial.terms.size.choose(5, 15, 30));
    let mut silent = Vec::new();
    for (begin, end) in [
        (Fault::Down(Who::Postgres), Fault::Up(Who::Postgres)),
        (Fault::Freeze(Who::Postgres), Fault::Continue(Who::Postgres)),
    ] {
        let before = trial.gateways_kib();
        trial.inflict(begin).await?;
        let from = workload.now();
        sleep(outage).await;
        silent.push((begin, from, workload.now()));
        let grown = trial.gateways_kib().saturating_sub(before);
        trial.demand(grown < GROWTH, || format!("gateways grew by {grown} KiB"));
        sockets_stayed(trial, &workload);
        trial.inflict(end).await?;
        workload
            .progress(60, BACK)
            .await
            .with_context(|| format!("after: {end}"))?;
    }
    let history = trial.judge(workload).await?.history;
    // An answer may still be on its way; one machine that runs everything delivers it late.
    let late = if trial.terms.strict { LATE } else { LATE * 3 };
    let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
    let times = checker::acknowledgements(&history);
    for (fault, from, to) in silent {
        let last = times.iter().filter(|t| (from..to).contains(t)).max();
        let after = last.map_or(0, |last| last - from);
        trial.measured(format!(
            "the last acknowledgement came {after} us after: {fault}"
        ));
        trial.demand(after <= late, || {
            format!("something was acknowledged {after} us after: {fault}")
        });
    }
    Ok(())
}

fn sockets_stayed(trial: &mut Trial<'_>, workload: &Workload) {
    for (number, reader) in workload.readers.iter().enumerate() {
        let status = reader.status().borrow().clone();
        let stayed = matches!(status, Status::Open(_)) && !reader.was_lost();
        trial.demand(stayed, || {
            format!("the connection of reader {number} did not stay: {status:?}")
        });
    }
}

/// What a small disk takes, if this process may not make one.
pub(super) async fn needs_mount() -> Option<String> {
    cluster::can_mount()
        .await
        .err()
        .map(|error| format!("root, to mount a small disk in memory ({error:#})"))
}

/// P15: the disk of Postgres is full for a while, then that of Redis.
pub(super) async fn full_disk(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        writers: 8,
        every: Duration::from_millis(2),
        bytes: 1_900,
        ..Plan::default()
    };
    let (_, workload) = trial.begin(4, &plan, 60).await?;
    for name in ["postgres", "redis"] {
        let file = trial.cluster.dir().join(name).join("fill");
        trial.note(format!("the disk of {name} is full"));
        fill(&file)?;
        let mut before = workload.acknowledged();
        let stops = until("nothing is acknowledged", BACK, async || {
            fill(&file)?;
            sleep(Duration::from_secs(2)).await;
            let now = workload.acknowledged();
            let stopped = now == before;
            before = now;
            Ok(stopped)
        });
        stops
            .await
            .with_context(|| format!("the disk of {name} never was full"))?;
        sleep(trial.terms.length / 4).await;
        trial.note(format!("the disk of {name} has room again"));
        fs::remove_file(&file)?;
        if !trial.cluster.postgres.runs() {
            // It gave itself up: an operator starts it again.
            trial.inflict(Fault::Up(Who::Postgres)).await?;
        }
        workload
            .progress(60, BACK)
            .await
            .with_context(|| format!("with room for {name}"))?;
    }
    trial.judge(workload).await.map(drop)
}

/// Writes until the disk is full.
fn fill(file: &std::path::Path) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?;
    for size in [1_048_576, 4_096, 1] {
        let zeros = vec![0; size];
        while file.write_all(&zeros).is_ok() {}
    }
    Ok(())
}

/// Everything that can be done to a cluster is done at once.
pub(super) async fn chaos(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        writers: 6,
        readers: 4,
        sends: 2,
        every: Duration::from_millis(5),
        catch_up: BACK,
        ..Plan::default()
    };
    trial.endure_storm(4, &plan, Kind::ALL).await?;
    if trial.terms.size >= Size::Usual {
        let all = trial.all_ready(true, BACK).await?;
        trial.measured(format!(
            "all are ready {:.1} s after the end",
            all.as_secs_f64()
        ));
    }
    Ok(())
}
