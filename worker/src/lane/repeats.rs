//! How many repeats of a nonce an account gets from a lane: each costs a look-up, and none
//! draws from a limit.
//!
//! A client that comes back repeats what it has no answer to. One that repeats for ever is
//! told to wait before anything is looked up, whatever it sends with a nonce. Nobody knows
//! then whether an earlier attempt took effect, so it is told `busy`: to repeat the nonce
//! later. Nothing is lost, and nobody sends the same again under another nonce.

use foldhash::HashMap;
use shared::{
    bus::{Bucket, Decision, Quota},
    error::{Reason, Refusal},
    ids::UserId,
    recent::Recent,
};

use super::{Lane, inbox::PendingEntry, steps::Step};
use crate::store::write::nonce::{FirstResult, NonceKey};

/// How many repeats: at once more than a gateway lets one account have under way, and from
/// then on one in 50 ms.
const QUOTA: Quota = Quota {
    burst: 1_000,
    count: 1,
    period_ms: 50,
    cooldown_ms: 0,
};
/// Accounts that are counted: those that repeated last. Some megabyte.
const MAX_ACCOUNTS: usize = 16_384;

/// Of each account that repeated, what it has spent.
#[derive(Debug)]
pub(super) struct Repeats(Recent<UserId, Bucket>);

impl Repeats {
    pub(super) fn new() -> Self {
        Self(Recent::new(MAX_ACCOUNTS))
    }

    /// Counts a repeat.
    pub(super) fn count(&mut self, user: UserId, now_ms: u64) {
        let kept = self.0.get(&user).map_or(Bucket::default(), |kept| *kept);
        let (_, kept) = QUOTA.draw(kept, now_ms.saturating_mul(1_000));
        self.0.insert(user, kept);
    }

    /// Refuses an account that repeated too much.
    pub(super) fn check(&mut self, user: UserId, now_ms: u64) -> Result<(), Refusal> {
        let Some(bucket) = self.0.get(&user) else {
            return Ok(());
        };
        match QUOTA.draw(*bucket, now_ms.saturating_mul(1_000)) {
            (Decision::Allowed, _) => Ok(()),
            (Decision::Limited(wait_ms), kept) => {
                *bucket = kept;
                Err(Refusal::retry(Reason::Busy, wait_ms))
            }
        }
    }
}

impl Lane<'_> {
    /// Charges for the repeats among these entries, each once however often it is replayed.
    pub(super) fn count_repeats(
        &mut self,
        pending: &mut [PendingEntry],
        steps: &[Step],
        known: &HashMap<NonceKey, FirstResult>,
        now_ms: u64,
    ) {
        for step in steps {
            let Some(key) = step.key.as_ref().filter(|key| known.contains_key(key)) else {
                continue;
            };
            let Some(item) = pending.get_mut(step.place).filter(|item| !item.counted) else {
                continue;
            };
            item.counted = true;
            self.parts.metrics.repeats_total.inc();
            if let Some(author) = key.author {
                self.repeats.count(author, now_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::Id;

    use super::*;

    const BURST: u64 = QUOTA.burst as u64;
    const INTERVAL_MS: u64 = QUOTA.period_ms as u64;

    #[test]
    fn a_thousand_at_once_then_one_per_interval() {
        let mut repeats = Repeats::new();
        let (one, other) = (Id::new(1).unwrap(), Id::new(2).unwrap());
        for _ in 0..BURST {
            repeats.check(one, 10_000).unwrap();
            repeats.count(one, 10_000);
        }
        let refused = repeats.check(one, 10_000).unwrap_err();
        assert_eq!(refused.retry_after, Some(INTERVAL_MS));
        repeats.check(other, 10_000).unwrap();
        repeats.check(one, 10_000 + INTERVAL_MS).unwrap();
        repeats.count(one, 10_000 + INTERVAL_MS);
        repeats.check(one, 10_000 + INTERVAL_MS).unwrap_err();
        repeats.check(one, 10_000 + BURST * INTERVAL_MS).unwrap();
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let mut repeats = Repeats::new();
        let one = Id::new(1).unwrap();
        for _ in 0..BURST {
            repeats.count(one, 10_000_000);
        }
        let refused = repeats.check(one, 1_000).unwrap_err();
        assert_eq!(refused.retry_after, Some(INTERVAL_MS));
        repeats.check(one, 1_000 + INTERVAL_MS).unwrap();
    }

    #[test]
    fn so_many_accounts_are_counted_at_most() {
        let mut repeats = Repeats::new();
        for user in 0..2 * MAX_ACCOUNTS as u64 {
            repeats.count(Id::new(user + 1).unwrap(), 1_000);
        }
        assert!(repeats.0.len() <= MAX_ACCOUNTS);
    }
}
