//! A store in several copies loses the one that leads: another one takes its place, the old one
//! comes back, and nothing that was acknowledged is missing. Where the standby is asynchronous
//! something is, and the tester has to see it.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use shared::error::Reason;
use tokio::time::Instant;

use super::{
    probe::{Probe, Prober},
    trial::{BACK, Trial, until},
};
use crate::{
    checker::{self, Fault, Kind, Report},
    cluster::{Host, Replicated, Signal},
    history::{Entry, Op},
    workload::{Plan, Workload},
};

/// So soon gateways notice that lanes are silent, which is what a lost store makes of them.
const NOTICED: Duration = Duration::from_secs(5);
/// From then on a refusal comes within this time.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Messages that an asynchronous standby does not hear of.
const UNHEARD: u64 = 200;
/// As many may be under way to it as it is cut off, or fewer.
const UNDER_WAY: u64 = 10;

/// How the host that leads is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Killed,
    Frozen,
    CutOff,
    SwitchedOver,
}

impl Loss {
    const ALL: [Self; 4] = [Self::Killed, Self::Frozen, Self::CutOff, Self::SwitchedOver];

    async fn inflict(self, store: &Replicated, host: &Host) -> Result<()> {
        match self {
            Self::Killed => host.kill().await,
            Self::Frozen => {
                host.signal(Signal::STOP);
                Ok(())
            }
            Self::CutOff => host.cut_off().await,
            Self::SwitchedOver => store.switch_over().await,
        }
    }

    async fn undo(self, host: &Host) -> Result<()> {
        match self {
            Self::Killed => host.start(),
            Self::Frozen => {
                host.signal(Signal::CONT);
                Ok(())
            }
            Self::CutOff => host.connect().await,
            Self::SwitchedOver => Ok(()),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
            Self::CutOff => "cut off",
            Self::SwitchedOver => "switched over",
        })
    }
}

/// How the leader was lost, and the time from then until writes went on.
#[derive(Clone, Copy)]
struct Window {
    loss: Loss,
    from: Instant,
    from_us: u64,
    to_us: u64,
}

/// The leader is lost in every way there is, and comes back each time.
pub(super) async fn replaced(trial: &mut Trial<'_>) -> Result<()> {
    let store = copies(trial)?;
    let taken = store.orders_of_strangers().await?;
    trial.demand(taken.is_empty(), || {
        format!("taken from who said no password: {}", taken.join("; "))
    });
    let (_, workload) = trial.begin(4, &Plan::patient(), 60).await?;
    let prober = Prober::start(&trial.cluster.addresses()).await?;
    let mut windows = Vec::new();
    for loss in Loss::ALL {
        windows.push(lose(trial, &store, &workload, loss).await?);
    }
    let probes = prober.finish().await?;
    let ended = trial.judge(workload).await?;
    for window in windows {
        let asked = window.asked_in_vain(&probes);
        trial.measured(window.row(&ended.report, &ended.history, &asked));
        let loss = window.loss;
        trial.demand(!asked.is_empty() || loss == Loss::SwitchedOver, || {
            format!("{loss}: nobody was refused, so nobody asked")
        });
        let since = window.from + NOTICED;
        let refused = asked
            .iter()
            .filter(|probe| probe.sent > since && is_refused(probe));
        if let Some(slowest) = refused.map(|probe| probe.took).max() {
            trial.in_time(&format!("{loss}: a refusal"), AT_ONCE, slowest);
        }
    }
    Ok(())
}

fn copies(trial: &Trial<'_>) -> Result<Arc<Replicated>> {
    let store = trial.cluster.replicated.as_ref();
    store.map(Arc::clone).context("a store in several copies")
}

/// Loses the leader, waits for writes, and lets the old one come back.
async fn lose(
    trial: &mut Trial<'_>,
    store: &Replicated,
    workload: &Workload,
    loss: Loss,
) -> Result<Window> {
    let host = store.leader().await?;
    trial.note(format!("{}, which leads {store}, is {loss}", host.name()));
    let (from, from_us) = (Instant::now(), workload.now());
    loss.inflict(store, host).await?;
    let context = || format!("{} was {loss}", host.name());
    replaced_by(store, host).await.with_context(context)?;
    trial.note("another one leads");
    workload.progress(60, BACK).await.with_context(context)?;
    let to_us = workload.now();
    loss.undo(host).await?;
    trial.note(format!("{} comes back", host.name()));
    let whole = until("the old one follows", BACK, async || {
        Ok(store.is_whole().await)
    });
    whole.await.with_context(context)?;
    workload.progress(60, BACK).await.with_context(context)?;
    Ok(Window {
        loss,
        from,
        from_us,
        to_us,
    })
}

async fn replaced_by(store: &Replicated, host: &Host) -> Result<()> {
    until("another one leads", BACK, async || {
        let leader = store.leader().await;
        Ok(leader.is_ok_and(|leader| leader.name() != host.name()))
    })
    .await
}

impl Window {
    /// What was asked meanwhile and not done: refused, or nobody told what became of it.
    fn asked_in_vain<'a>(&self, probes: &'a [Probe]) -> Vec<&'a Probe> {
        let length = Duration::from_micros(self.to_us - self.from_us);
        let within = self.from..self.from + length;
        let refused = probes.iter().filter(|probe| probe.refused.is_some());
        refused
            .filter(|probe| within.contains(&probe.sent))
            .collect()
    }

    /// One line of what it did.
    fn row(&self, report: &Report, history: &[Entry], asked: &[&Probe]) -> String {
        let within: Vec<&Entry> = history
            .iter()
            .filter(|entry| (self.from_us..=self.to_us).contains(&entry.t))
            .collect();
        let count = |op| within.iter().filter(|entry| entry.op == op).count();
        let seconds = |us: u64| Duration::from_micros(us).as_secs_f64();
        let faults = |kind| faults(report, &within, kind);
        let refused = asked.iter().filter(|probe| is_refused(probe)).count();
        format!(
            "{:<13} {:>5.1} s, {:>5.1} s without writes, {} reconnects, {} deliveries, {} lost, {} double; \
             of those who asked {refused} were refused and {} not told",
            self.loss,
            seconds(self.to_us - self.from_us),
            seconds(longest_silence(history, self.from_us, self.to_us)),
            count(Op::Resume),
            count(Op::Receive),
            faults(Kind::Lost),
            faults(Kind::Double),
            asked.len() - refused,
        )
    }
}

/// Whether it is known that it was not done. What nobody decided is not told before the gateway's deadline.
fn is_refused(probe: &Probe) -> bool {
    probe
        .refused
        .is_some_and(|reason| reason != Reason::Unknown)
}

/// Faults of this kind that concern one of these entries.
fn faults(report: &Report, within: &[&Entry], kind: Kind) -> usize {
    let concerned = |fault: &&Fault| {
        let mut entries = within.iter();
        fault.kind == kind && entries.any(|entry| entry.nonce == fault.nonce)
    };
    report.faults.iter().filter(concerned).count()
}

/// For how long nothing was acknowledged at most, in microseconds.
fn longest_silence(history: &[Entry], from: u64, to: u64) -> u64 {
    let mut last = from;
    let mut longest = 0;
    for time in checker::acknowledgements(history) {
        if (from..=to).contains(&time) {
            longest = longest.max(time - last);
            last = time;
        }
    }
    longest.max(to - last)
}

/// The standby is cut off, hears nothing of what is acknowledged, and takes the place of the leader.
pub(super) async fn asynchronous(trial: &mut Trial<'_>) -> Result<()> {
    let store = copies(trial)?;
    let (_, workload) = trial.begin(4, &Plan::patient(), 60).await?;
    let leader = store.leader().await?;
    let mut others = store
        .hosts
        .iter()
        .filter(|host| host.name() != leader.name());
    let standby = others.next().context("a standby")?;
    trial.note(format!("{}, which follows, is cut off", standby.name()));
    standby.cut_off().await?;
    workload.progress(UNHEARD, BACK).await?;
    trial.note(format!("{}, which leads, is killed", leader.name()));
    // Else its kernel would still send what its processes had left there.
    leader.cut_off().await?;
    leader.kill().await?;
    standby.connect().await?;
    replaced_by(&store, leader).await?;
    trial.note("the other one leads");
    workload.progress(60, BACK).await?;
    let ended = workload.finish().await?;
    let counts = ended.report.counts;
    trial.outcome.counts += counts;
    trial.demand(counts.lost as u64 + UNDER_WAY >= UNHEARD, || {
        format!(
            "of {UNHEARD} that the standby had not heard of only {} are said to be lost",
            counts.lost
        )
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;

    #[test]
    fn the_longest_silence_is_between_two_acknowledgements_or_at_the_edge() {
        let entry = |t| Entry {
            t,
            client: String::new(),
            op: Op::Send,
            outcome: Outcome::Ok,
            nonce: None,
            id: Some(1),
            seq: None,
        };
        let history = [entry(10), entry(40), entry(60), entry(95)];
        assert_eq!(longest_silence(&history, 0, 70), 30);
        assert_eq!(longest_silence(&history, 41, 100), 35);
        assert_eq!(longest_silence(&history, 100, 150), 50);
    }
}
