//! How many events an account may cause by single requests: what is told in many places costs as
//! much as it makes.
//!
//! A new name is told in each server of the account, and a channel that moves tells each group that
//! sees others. A limit of requests counts either of them once; this counts what comes of them. It is
//! kept by each worker for itself and lost with it.

use std::sync::{Arc, Mutex, PoisonError};

use shared::{
    bus::{Bucket, Decision, Quota},
    domain::limits::{MAX_TOLD_AT_ONCE, TOLD_PER_SECOND},
    error::{Reason, Refusal},
    ids::UserId,
    recent::Recent,
};

const QUOTA: Quota = Quota {
    burst: MAX_TOLD_AT_ONCE,
    count: TOLD_PER_SECOND,
    period_ms: 1_000,
    cooldown_ms: 0,
};
/// Accounts that are counted: those that told much last. A megabyte.
const MAX_ACCOUNTS: usize = 16_384;

/// What each account has spent. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Telling(Arc<Mutex<Recent<UserId, Bucket>>>);

impl Telling {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Recent::new(MAX_ACCOUNTS))))
    }

    /// Takes a number of events from an account, all of them or none; what is told once is the affair of
    /// the limits of requests. Refuses it, with the time after which it could, if it told too much.
    pub(crate) fn draw(&self, user: UserId, events: usize, now_ms: u64) -> Result<(), Refusal> {
        if events <= 1 {
            return Ok(());
        }
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        let events = events.min(MAX_TOLD_AT_ONCE);
        let now_us = now_ms.saturating_mul(1_000);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bucket = known.get(&user).map_or(Bucket::default(), |kept| *kept);
        for drawn in 0..events {
            match QUOTA.draw(bucket, now_us) {
                (Decision::Allowed, kept) => bucket = kept,
                (Decision::Limited(wait_ms), _) => {
                    let rest = u64::from(events - drawn - 1) * 1_000;
                    let wait_ms = wait_ms + rest.div_ceil(u64::from(TOLD_PER_SECOND));
                    return Err(Refusal::retry(Reason::RateLimited, wait_ms));
                }
            }
        }
        known.insert(user, bucket);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::Id;

    use super::*;

    #[test]
    fn a_thousand_at_once_and_then_as_many_as_come_back() {
        let telling = Telling::new();
        let (one, other) = (Id::new(1).unwrap(), Id::new(2).unwrap());
        telling.draw(one, 400, 10_000).unwrap();
        telling.draw(one, 400, 10_000).unwrap();
        let refused = telling.draw(one, 400, 10_000).unwrap_err();
        assert_eq!(refused.retry_after, Some(20_000), "200 are missing");
        telling.draw(one, 200, 10_000).unwrap();
        telling.draw(one, 1, 10_000).unwrap();
        telling.draw(other, 1_000, 10_000).unwrap();
        telling.draw(one, 400, 49_999).unwrap_err();
        telling.draw(one, 400, 50_000).unwrap();
        // An account in more servers than that waits until nothing is spent.
        telling.draw(other, 5_000, 109_999).unwrap_err();
        telling.draw(other, 5_000, 110_000).unwrap();
    }
}
