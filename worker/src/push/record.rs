//! Notes what became of pushes. All of it may be noted again: so nothing is lost where only some of it was.

use std::time::Duration;

use super::{attempt::Outcome, sender::Sender};
use crate::{
    error::StoreError,
    store::push::{Postponement, Push, PushClaim, PushFailure},
};

/// For how long pushes to a device may fail until it is taken for gone.
const PATIENCE: Duration = Duration::from_hours(7 * 24);

/// A push, and what became of it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) push: Push,
    pub(super) outcome: Outcome,
}

impl Ended {
    fn failure(&self) -> Option<PushFailure<'_>> {
        let is_failure = matches!(
            self.outcome,
            Outcome::Gone | Outcome::Failed | Outcome::Later(_)
        );
        is_failure.then(|| PushFailure {
            target: &self.push.target,
            is_gone: self.outcome == Outcome::Gone,
            wait: self.outcome.wait().unwrap_or_default(),
        })
    }

    fn postponement(&self) -> Option<Postponement<'_>> {
        Some(Postponement {
            push: &self.push,
            wait: self.outcome.wait()?,
            is_shortened: self.outcome == Outcome::Shortened,
        })
    }
}

fn claims_of(all: &[Ended], is_one: impl Fn(Outcome) -> bool) -> Vec<PushClaim> {
    let some = all.iter().filter(|ended| is_one(ended.outcome));
    some.map(|ended| ended.push.claim).collect()
}

impl Sender {
    /// Counts what became of a push, once.
    pub(super) fn count(&self, ended: &Ended) {
        let (service, outcome) = (ended.push.service.as_str(), ended.outcome.name());
        self.metrics
            .attempts_total
            .with_label_values(&[service, outcome])
            .inc();
        if ended.outcome == Outcome::Sent {
            let ages = self.metrics.age_seconds.with_label_values(&[service]);
            ages.observe(ended.push.age_s);
        }
    }

    /// Notes what became of these: first of the devices, then of the pushes.
    pub(super) async fn record(&self, all: &[Ended]) -> Result<(), StoreError> {
        let sent = all.iter().filter(|ended| ended.outcome == Outcome::Sent);
        let arrived: Vec<_> = sent
            .map(|ended| (ended.push.target.account, ended.push.target.device))
            .collect();
        if !arrived.is_empty() {
            self.pushes.note_arrival(&arrived).await?;
        }
        let failures: Vec<_> = all.iter().filter_map(Ended::failure).collect();
        if !failures.is_empty() {
            let patience = PATIENCE.as_millis().try_into().unwrap_or(u64::MAX);
            let times = (self.clock.now_ms(), patience);
            self.pushes.note_failures(&failures, times).await?;
        }
        let postponed: Vec<_> = all.iter().filter_map(Ended::postponement).collect();
        if !postponed.is_empty() {
            self.pushes.postpone_pushes(&postponed).await?;
        }
        let superseded = claims_of(all, |outcome| outcome == Outcome::Superseded);
        if !superseded.is_empty() {
            self.pushes.give_way(&superseded).await?;
        }
        let withdrawn = claims_of(all, |outcome| outcome == Outcome::Withdrawn);
        if !withdrawn.is_empty() {
            self.pushes.fall_back(&withdrawn).await?;
        }
        let done = claims_of(all, |outcome| outcome.wait().is_none());
        if !done.is_empty() {
            self.pushes.finish_pushes(&done).await?;
        }
        Ok(())
    }
}
