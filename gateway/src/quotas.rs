//! What one account, one network address, and the strangers of one address may ask of
//! this gateway: counted here, before anything is sent, so that whoever asks more costs
//! the rest of the cluster nothing.
//!
//! These bounds are wide: what an account may do, the workers' limits decide, across all
//! gateways. Here it matters that a refusal is cheap.

use std::{
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use shared::{
    error::{Reason, Refusal},
    ids::{SessionId, UserId},
    recent::Recent,
};
use tokio::time::Instant;

use crate::session::flood::{Bucket, Rate};

/// How many accounts, sessions and addresses are counted at once: some four megabytes each.
/// Beyond that those are forgotten that asked least lately.
const CAPACITY: usize = 65_536;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Requests of one account.
    pub account: Rate,
    /// Requests of one address, those of accounts included.
    pub address: Rate,
    /// Requests of one address without a session.
    pub stranger: Rate,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// An account, with a session that is open.
    Account(UserId),
    /// Who has the token of this session, which may have ended: he must not use up what
    /// belongs to the account.
    Session(SessionId),
    /// Nobody that is known.
    Stranger,
}

/// Counts requests.
#[derive(Debug)]
pub struct Quotas {
    accounts: Buckets<UserId>,
    sessions: Buckets<SessionId>,
    addresses: Buckets<u64>,
    strangers: Buckets<u64>,
}

impl Quotas {
    /// Nothing was counted yet.
    pub fn new(rates: Rates) -> Self {
        Self {
            accounts: Buckets::new(rates.account),
            sessions: Buckets::new(rates.account),
            addresses: Buckets::new(rates.address),
            strangers: Buckets::new(rates.stranger),
        }
    }

    /// Counts a request, or refuses it. Who asks too much for himself takes nothing from
    /// the others of his address.
    pub fn admit(&self, who: Who, address: u64, now: Instant) -> Result<(), Refusal> {
        match who {
            Who::Account(user) => self.accounts.draw(user, now)?,
            Who::Session(session) => self.sessions.draw(session, now)?,
            Who::Stranger => self.strangers.draw(address, now)?,
        }
        self.addresses.draw(address, now)
    }

    /// Counts a request that was admitted as one of a session, now that its account is known.
    pub fn opened(&self, user: UserId, now: Instant) -> Result<(), Refusal> {
        self.accounts.draw(user, now)
    }
}

#[derive(Debug)]
struct Buckets<K> {
    rate: Rate,
    known: Mutex<Recent<K, Bucket>>,
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            known: Mutex::new(Recent::new(CAPACITY)),
        }
    }

    fn draw(&self, key: K, now: Instant) -> Result<(), Refusal> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = if let Some(bucket) = known.get(&key) {
            bucket.draw(self.rate, 1, now)
        } else {
            let mut bucket = Bucket::full(self.rate, now);
            let drawn = bucket.draw(self.rate, 1, now);
            known.insert(key, bucket);
            drawn
        };
        if drawn {
            Ok(())
        } else {
            let wait = 1_000 / u64::from(self.rate.per_second.max(1));
            Err(Refusal::retry(Reason::RateLimited, wait.max(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::ids::Id;

    use super::*;

    const fn rate(per_second: u32) -> Rate {
        Rate {
            per_second,
            burst: per_second * 4,
        }
    }

    fn quotas() -> Quotas {
        Quotas::new(Rates {
            account: rate(1),
            address: rate(4),
            stranger: rate(2),
        })
    }

    fn admitted(quotas: &Quotas, user: Option<u64>, address: u64, now: Instant) -> usize {
        let user = user.and_then(Id::new);
        let who = user.map_or(Who::Stranger, Who::Account);
        let admit = |_: &usize| quotas.admit(who, address, now).is_ok();
        (0..100).filter(admit).count()
    }

    #[test]
    fn an_account_that_asks_too_much_takes_nothing_from_its_neighbours() {
        let (quotas, now) = (quotas(), Instant::now());
        assert_eq!(admitted(&quotas, Some(1), 7, now), 4);
        assert_eq!(admitted(&quotas, Some(2), 7, now), 4);
        assert_eq!(admitted(&quotas, None, 7, now), 8);
        // Now the address has asked for as much as it may, whoever asks.
        assert_eq!(admitted(&quotas, Some(3), 7, now), 0);
        assert_eq!(
            admitted(&quotas, Some(3), 8, now),
            0,
            "his own bucket is empty"
        );
        assert_eq!(admitted(&quotas, Some(4), 8, now), 4);
        let later = now + Duration::from_secs(1);
        assert_eq!(admitted(&quotas, Some(4), 8, later), 1);
    }

    #[test]
    fn a_session_takes_nothing_from_its_account_until_it_is_known_to_be_open() {
        let (quotas, now) = (quotas(), Instant::now());
        let (session, user) = (Id::new(9).unwrap(), Id::new(1).unwrap());
        let knock = |_: &usize| quotas.admit(Who::Session(session), 7, now).is_ok();
        assert_eq!((0..100).filter(knock).count(), 4);
        assert_eq!(admitted(&quotas, Some(1), 8, now), 4);
        assert!(quotas.opened(user, now).is_err());
    }

    #[test]
    fn many_addresses_do_not_fill_the_memory() {
        let (quotas, now) = (quotas(), Instant::now());
        for address in 0..CAPACITY as u64 + 10 {
            assert!(quotas.admit(Who::Stranger, address, now).is_ok());
        }
        let known = quotas.strangers.known.lock().unwrap().len();
        assert!(known <= CAPACITY, "{known}");
        let refusal = {
            admitted(&quotas, None, 1, now);
            quotas.admit(Who::Stranger, 1, now).unwrap_err()
        };
        assert_eq!(refusal, Refusal::retry(Reason::RateLimited, 500));
    }
}
