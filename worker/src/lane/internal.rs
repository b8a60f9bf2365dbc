//! Internal commands: some of them in each turn, beside the streams.
//!
//! They are patient. One that fails waits longer each time while others go on,
//! and in the end for a person; those behind it in its pair wait with it. One
//! that this program does not know waits for a newer one. None is dropped
//! unexecuted.

use std::{collections::BTreeSet, time::Duration};

use shared::{
    error::{Reason, Refusal},
    protocol,
};
use tracing::{error, warn};

use super::{
    Lane,
    inbox::{PendingEntry, Source},
    verdict::Failure,
};
use crate::{
    error::Error,
    retry,
    store::write::{
        self,
        internal::{Due, Pair, Postponed},
    },
};

/// Internal commands of one turn, at most: the streams have the rest of it.
const QUOTA: i64 = 32;
/// Of these, at most this many of one pair.
const PER_PAIR: i64 = 16;
/// How long a command of a newer program waits before it is looked at again.
const NEWER_WAIT: Duration = Duration::from_secs(5);

impl Lane<'_> {
    /// Executes what is due, up to the quota of a turn.
    pub(super) async fn execute_internal(&mut self) -> Result<(), Error> {
        if !self.internal_due || self.owned.is_empty() {
            return Ok(());
        }
        let targets: Vec<_> = self.owned.keys().copied().collect();
        let due = write::internal::list_due(&self.connection, &targets, PER_PAIR, QUOTA).await?;
        self.internal_due = i64::try_from(due.len()).unwrap_or(QUOTA) >= QUOTA;
        let mut waiting = BTreeSet::new();
        let (mut fresh, mut suspects) = (Vec::new(), Vec::new());
        for due in due {
            let pair = (due.target, due.source);
            if waiting.contains(&pair) {
                continue;
            }
            if protocol::row(due.opcode).is_none() {
                waiting.insert(pair);
                self.wait_for_newer(&due).await?;
            } else if due.attempts > 0 || self.is_wary(&due) {
                // What comes behind it is not due before it.
                waiting.insert(pair);
                suspects.push(due);
            } else {
                fresh.push(due);
            }
        }
        for owned in self.owned.values_mut() {
            owned.wary = false;
        }
        if !fresh.is_empty() {
            let mut pending: Vec<PendingEntry> =
                fresh.into_iter().map(PendingEntry::from_due).collect();
            match self.execute_transaction(&mut pending).await {
                Ok(done) => self.internal_due |= done < pending.len(),
                Err(Failure::Lost(error)) => return Err(error),
                Err(Failure::Poison(_)) => self.retry_singly(pending).await?,
            }
        }
        for suspect in suspects {
            // Counted before it is executed: it may end the connection, or all of us.
            self.count_attempt(&suspect).await?;
            self.retry_singly(vec![PendingEntry::from_due(suspect)])
                .await?;
        }
        Ok(())
    }

    /// Whether the partition was not given back in order: something ended its lane.
    fn is_wary(&self, due: &Due) -> bool {
        self.owned.get(&due.target).is_some_and(|owned| owned.wary)
    }

    /// Executes each alone; behind one that fails, its pair waits.
    async fn retry_singly(&mut self, pending: Vec<PendingEntry>) -> Result<(), Error> {
        let mut waiting: BTreeSet<Pair> = BTreeSet::new();
        for mut item in pending {
            let Source::Internal {
                source, attempts, ..
            } = item.source
            else {
                continue;
            };
            let pair = (item.partition, source);
            if waiting.contains(&pair) {
                continue;
            }
            self.keep_alive_if_due().await?;
            if let Some(refusal) = self.execute_alone(&mut item).await? {
                waiting.insert(pair);
                self.postpone_failed(pair, attempts + 1, &refusal).await?;
            }
        }
        Ok(())
    }

    async fn postpone_failed(
        &mut self,
        pair: Pair,
        attempts: i16,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        let (target, source) = pair;
        let problem = refusal.reason.name();
        self.parts.metrics.internal_failures_total.inc();
        let parked = attempts >= retry::MAX_ATTEMPTS;
        if parked {
            error!(%target, %source, problem, "internal command failed too often and waits for a person");
        } else {
            warn!(%target, %source, problem, attempts, "internal command failed");
        }
        let postponed = Postponed {
            pair,
            attempts,
            wait: retry::wait_after(attempts),
            parked,
            problem,
        };
        Ok(write::internal::postpone_pair(&self.connection, &postponed).await?)
    }

    async fn count_attempt(&mut self, due: &Due) -> Result<(), Error> {
        let attempts = due.attempts + 1;
        let postponed = Postponed {
            pair: (due.target, due.source),
            attempts,
            wait: retry::wait_after(attempts),
            parked: attempts > retry::MAX_ATTEMPTS,
            problem: "under way",
        };
        Ok(write::internal::postpone_pair(&self.connection, &postponed).await?)
    }

    /// A rollout is under way: the lane of a newer program takes it.
    async fn wait_for_newer(&mut self, due: &Due) -> Result<(), Error> {
        warn!(target = %due.target, source = %due.source, opcode = due.opcode, "internal command waits for a newer worker");
        let postponed = Postponed {
            pair: (due.target, due.source),
            attempts: due.attempts,
            wait: NEWER_WAIT,
            parked: false,
            problem: Reason::UnknownCommand.name(),
        };
        Ok(write::internal::postpone_pair(&self.connection, &postponed).await?)
    }
}
