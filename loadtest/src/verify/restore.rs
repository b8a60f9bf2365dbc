//! The drill of a restore: a backup under load, back to a moment after it, another epoch for the
//! log, an empty Redis. Whoever forgets a step is told so.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use super::{
    schedule::{self, Who},
    trial::{BACK, Trial, until},
};
use crate::{
    checker::{Fault, Kind, Report, check},
    cluster::{Node, Signal},
    history::{Entry, Op, Outcome},
    workload::{Plan, Workload},
};

/// How long a program may take to end, politely or because it refuses to start.
const END: Duration = Duration::from_secs(45);
/// The file that a dump is written into.
const DUMP: &str = "confab.dump";
/// What who forgets a step is told.
const NOT_TOLD: &str = "the database was restored, or moved, since its event log was made";
const NOT_EMPTIED: &str = "Redis holds what belongs to another event log";

/// When what happened, by the clock of the history, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// The moment to which it is restored: what was acknowledged by then is to be there.
    moment: u64,
    /// All programs were stopped.
    stopped: u64,
    /// Writing went on.
    back: u64,
}

/// A restore under load, in the order of docs/backup.md: first to a moment, then from a dump.
pub(super) async fn drilled(trial: &mut Trial<'_>) -> Result<()> {
    let (_, workload) = trial.begin(4, &Plan::patient(), 100).await?;
    trial.note("a full backup, under load");
    let began = Instant::now();
    tell_backup(trial, &["backup", "--type=full"]).await?;
    trial.measured(format!("the backup took {:.1?}", began.elapsed()));
    workload.progress(100, BACK).await?;
    let moment = workload.now();
    let target = trial.cluster.sql(async |client| {
        let now = "SELECT clock_timestamp()::text";
        client.query_one(now, &[]).await?.try_get::<_, String>(0)
    });
    let target = target.await.context("what time it is")?;
    trial.note(format!("the moment to come back to: {target}"));
    workload.progress(150, BACK).await?;
    stop_programs(trial).await?;
    let stopped = workload.now();
    restore(trial, &target).await?;
    refuse_to_start(trial).await?;
    start_programs(trial).await?;
    workload.progress(60, BACK).await?;
    let back = workload.now();
    let times = Times {
        moment,
        stopped,
        back,
    };
    judge(trial, workload, times).await?;
    read_dump_back(trial).await
}

/// The same with a dump: of what was there when it was made nothing is missing.
async fn read_dump_back(trial: &mut Trial<'_>) -> Result<()> {
    trial.note("a dump");
    let (began, before) = (Instant::now(), count_messages(trial).await?);
    trial.cluster.dump(DUMP).await.context("dumping")?;
    let dumped = began.elapsed();
    stop_programs(trial).await?;
    trial.note("the dump is read into an empty database");
    let began = Instant::now();
    trial.cluster.read_dump(DUMP).await.context("reading")?;
    let read = began.elapsed();
    refuse_to_start(trial).await?;
    start_programs(trial).await?;
    let after = count_messages(trial).await?;
    trial.demand(before > 0 && before == after, || {
        format!("{after} of {before} messages are in the dump")
    });
    trial.cluster.operate(&["admin", "verify-unread"]).await?;
    trial.measured(format!(
        "the dump took {dumped:.1?}, its way back {read:.1?}; {after} of {before} messages are there"
    ));
    let (_, workload) = trial.begin(2, &Plan::patient(), 30).await?;
    trial.judge(workload).await.map(drop)
}

async fn count_messages(trial: &Trial<'_>) -> Result<i64> {
    let counted = trial.cluster.sql(async |client| {
        let count = "SELECT count(*) FROM messages";
        client.query_one(count, &[]).await?.try_get(0)
    });
    counted.await.context("counting messages")
}

async fn tell_backup(trial: &Trial<'_>, words: &[&str]) -> Result<()> {
    let backup = trial.cluster.backup.as_ref().context("backups")?;
    backup.tell(words).await.with_context(|| words.join(" "))
}

/// Stops every gateway and worker in an orderly way.
async fn stop_programs(trial: &mut Trial<'_>) -> Result<()> {
    trial.note("all programs are stopped");
    for node in trial.ours() {
        node.signal(Signal::TERM)?;
    }
    for node in trial.ours() {
        node.ended(END).await?;
    }
    Ok(())
}

async fn start_programs(trial: &Trial<'_>) -> Result<()> {
    for who in schedule::ours(&trial.cluster) {
        schedule::node(&trial.cluster, who)?.restart()?;
    }
    trial.all_ready(true, BACK).await.map(drop)
}

/// Brings the database back to a moment; the log up to now is in the archive.
async fn restore(trial: &mut Trial<'_>, target: &str) -> Result<()> {
    let began = Instant::now();
    let postgres = &trial.cluster.postgres;
    postgres.signal(Signal::INT)?;
    postgres.ended(END).await?;
    trial.note("the database is restored");
    let target = format!("--target={target}");
    tell_backup(
        trial,
        &[
            "restore",
            "--delta",
            "--type=time",
            &target,
            "--target-action=promote",
        ],
    )
    .await?;
    trial.inflict(schedule::Fault::Up(Who::Postgres)).await?;
    until("the database takes writes", BACK, async || {
        let replays = trial.cluster.sql(async |client| {
            let replays = "SELECT pg_is_in_recovery()";
            client.query_one(replays, &[]).await?.try_get::<_, bool>(0)
        });
        Ok(!replays.await?)
    })
    .await?;
    trial.measured(format!("the restore took {:.1?}", began.elapsed()));
    Ok(())
}

/// Forgets each step once, and does it then.
async fn refuse_to_start(trial: &mut Trial<'_>) -> Result<()> {
    told(trial, NOT_TOLD).await?;
    trial.note("worker new-epoch");
    trial.cluster.operate(&["new-epoch"]).await?;
    told(trial, NOT_EMPTIED).await?;
    trial.inflict(schedule::Fault::Flush).await
}

/// A worker that is started says this, and ends.
async fn told(trial: &mut Trial<'_>, text: &str) -> Result<()> {
    let worker: &Node = trial.cluster.workers.first().context("a worker")?;
    worker.restart()?;
    let status = worker.ended(END).await?;
    let says = worker.tail();
    let refused = !status.success() && says.contains(text);
    trial.demand(refused, || {
        format!("{text:?} was due, and it ended as {status}:\n{says}")
    });
    trial.note(format!("a worker does not start: {text}"));
    Ok(())
}

async fn judge(trial: &mut Trial<'_>, workload: Workload, times: Times) -> Result<()> {
    let history = workload.finish().await?.history;
    let undone = undone(&history, times);
    let mut report = check(&without_readers(&history, &undone));
    check_readers(&history, times, &mut report);
    trial.outcome.add(&report, &history);
    let before = acknowledged(&history, 0..times.moment).count();
    trial.demand(before > 0 && !undone.is_empty(), || {
        format!(
            "{before} were acknowledged before the moment, {} after",
            undone.len()
        )
    });
    trial.cluster.operate(&["admin", "verify-unread"]).await?;
    let seconds = |us: u64| Duration::from_micros(us).as_secs_f64();
    trial.measured(format!(
        "restored: {:.1} s without writes, {} reconnects, {} deliveries; of {before} before the moment {} lost, {} double; \
         {} after it are undone",
        seconds(times.back - times.stopped),
        report.counts.resumes,
        report.counts.received,
        report.counts.lost,
        report.counts.double,
        undone.len(),
    ));
    Ok(())
}

fn acknowledged(history: &[Entry], within: std::ops::Range<u64>) -> impl Iterator<Item = &Entry> {
    let ok = |entry: &&Entry| entry.op == Op::Send && entry.outcome == Outcome::Ok;
    history
        .iter()
        .filter(ok)
        .filter(move |entry| within.contains(&entry.t))
}

/// Messages that were acknowledged in the time that was given up, and are not there any more.
fn undone(history: &[Entry], times: Times) -> BTreeSet<String> {
    let stored = history.iter().filter(|entry| entry.op == Op::Stored);
    let stored: BTreeSet<_> = stored.filter_map(|entry| entry.nonce.as_deref()).collect();
    acknowledged(history, times.moment..times.stopped)
        .filter_map(|entry| entry.nonce.clone())
        .filter(|nonce| !stored.contains(nonce.as_str()))
        .collect()
}

/// What is held against the rules for writers.
fn without_readers(history: &[Entry], undone: &BTreeSet<String>) -> Vec<Entry> {
    let counts = |entry: &&Entry| match entry.op {
        Op::Send => entry
            .nonce
            .as_ref()
            .is_none_or(|nonce| !undone.contains(nonce)),
        op => op == Op::Stored,
    };
    history.iter().filter(counts).cloned().collect()
}

/// Nobody keeps what was given up: who comes back after the restore is told of a gap before he sees
/// anything, which makes him forget what he holds, and what he then sees is what is stored.
fn check_readers(history: &[Entry], times: Times, report: &mut Report) {
    let stored: BTreeSet<_> = history
        .iter()
        .filter(|entry| entry.op == Op::Stored)
        .map(|entry| (entry.seq, entry.id))
        .collect();
    let mut told = BTreeSet::new();
    for entry in history.iter().filter(|entry| entry.t > times.stopped) {
        let keeps = match entry.op {
            Op::Gap => {
                told.insert(entry.client.as_str());
                false
            }
            Op::Receive => {
                !told.contains(entry.client.as_str()) || !stored.contains(&(entry.seq, entry.id))
            }
            _ => false,
        };
        if keeps {
            let text = format!("{} keeps what was given up: {entry:?}", entry.client);
            report.find(Fault::new(Kind::Wrong, text));
        }
    }
    report.counts.received = count(history, Op::Receive);
    report.counts.resumes = count(history, Op::Resume);
    report.counts.gaps = count(history, Op::Gap);
}

fn count(history: &[Entry], op: Op) -> usize {
    history.iter().filter(|entry| entry.op == op).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(t: u64, op: Op, nonce: &str, seq: u64) -> Entry {
        Entry {
            t,
            client: "w".to_owned(),
            op,
            outcome: Outcome::Ok,
            nonce: Some(nonce.to_owned()),
            id: Some(seq),
            seq: Some(seq),
        }
    }

    const TIMES: Times = Times {
        moment: 10,
        stopped: 20,
        back: 30,
    };

    #[test]
    fn only_what_came_after_the_moment_may_be_gone() {
        let history = [
            entry(5, Op::Send, "kept", 1),
            entry(6, Op::Send, "lost", 2),
            entry(15, Op::Send, "undone", 3),
            entry(40, Op::Stored, "kept", 1),
        ];
        let undone = undone(&history, TIMES);
        assert_eq!(undone.iter().collect::<Vec<_>>(), ["undone"]);
        let report = check(&without_readers(&history, &undone));
        assert_eq!(report.counts.lost, 1);
    }

    #[test]
    fn who_is_told_of_no_gap_or_sees_what_is_gone_is_found() {
        let history = [
            entry(15, Op::Receive, "undone", 3),
            entry(25, Op::Receive, "kept", 1),
            entry(26, Op::Gap, "", 0),
            entry(27, Op::Receive, "kept", 1),
            entry(28, Op::Receive, "undone", 3),
            entry(40, Op::Stored, "kept", 1),
        ];
        let mut report = Report::default();
        check_readers(&history, TIMES, &mut report);
        assert_eq!(report.counts.wrong, 2, "{report}");
    }
}
