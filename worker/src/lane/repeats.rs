//! How many repeats of a nonce an account gets from a lane: each costs a look-up, and none
//! draws from a limit.
//!
//! A client that comes back repeats what it has no answer to. One that repeats for ever is
//! told to wait before anything is looked up, whatever it sends with a nonce. Nobody knows
//! then whether an earlier attempt took effect, so it is told `busy`: to repeat the nonce
//! later. Nothing is lost, and nobody sends the same again under another nonce.

use foldhash::{HashMap, HashMapExt};
use shared::{
    error::{Reason, Refusal},
    ids::UserId,
};

use super::{Lane, consume::Work, steps::Step};
use crate::store::write::machine::{Known, NonceKey};

/// Repeats at once: more than a gateway lets one account have under way.
const BURST: u64 = 1_000;
/// From then on one in so many milliseconds.
const INTERVAL_MS: u64 = 50;
/// After so long without a repeat a bucket is full.
const FULL_MS: u64 = BURST * INTERVAL_MS;
/// Accounts that are counted: who repeated nothing for a while is not. Some megabyte.
const MAX_ACCOUNTS: usize = 16_384;

/// Of each account that repeated, when its bucket will be full again, in milliseconds.
#[derive(Debug)]
pub(super) struct Repeats(HashMap<UserId, u64>);

impl Repeats {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Counts a repeat.
    pub(super) fn count(&mut self, user: UserId, now_ms: u64) {
        if self.0.len() >= MAX_ACCOUNTS && !self.0.contains_key(&user) {
            self.0.retain(|_, full_at| *full_at > now_ms);
            if self.0.len() >= MAX_ACCOUNTS {
                // To forgive all is better than to refuse somebody who did nothing.
                self.0.clear();
            }
        }
        let full_at = self.0.entry(user).or_insert(now_ms);
        *full_at = ((*full_at).max(now_ms) + INTERVAL_MS).min(now_ms + FULL_MS);
    }

    /// Refuses whoever repeated too much.
    pub(super) fn check(&mut self, user: UserId, now_ms: u64) -> Result<(), Refusal> {
        let Some(full_at) = self.0.get_mut(&user) else {
            return Ok(());
        };
        // Further away only when the clock was set back: nobody waits for what it lost.
        *full_at = (*full_at).min(now_ms + FULL_MS);
        let from = full_at.saturating_sub(FULL_MS - INTERVAL_MS);
        if from <= now_ms {
            return Ok(());
        }
        Err(Refusal::retry(Reason::Busy, from - now_ms))
    }
}

impl Lane<'_> {
    /// Charges for the repeats among these works, each once however often it is replayed.
    pub(super) fn count_repeats(
        &mut self,
        works: &mut [Work],
        steps: &[Step],
        known: &HashMap<NonceKey, Known>,
        now_ms: u64,
    ) {
        for step in steps {
            let Some(key) = step.key.as_ref().filter(|key| known.contains_key(key)) else {
                continue;
            };
            let Some(work) = works.get_mut(step.place).filter(|work| !work.counted) else {
                continue;
            };
            work.counted = true;
            self.parts.metrics.repeats.inc();
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
