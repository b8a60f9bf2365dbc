//! What one account, one network address, and the strangers of one address may ask of
//! this gateway: counted here, before anything is sent, so that whoever asks more costs
//! the rest of the cluster nothing.
//!
//! These bounds are wide: what an account may do, the workers' limits decide, across all
//! gateways. Here it matters that a refusal is cheap.

use std::hash::Hash;

use parking_lot::Mutex;
use shared::{
    error::{Reason, Refusal},
    frame::opcode,
    ids::{SessionId, UserId},
    protocol::{Access, Row, RowKind, row},
    recent::Recent,
};
use tokio::time::Instant;

use crate::limits::token_bucket::{Rate, TokenBucket};

/// How many accounts, sessions and addresses are counted at once: some four megabytes each.
/// Beyond that those are forgotten that asked least lately.
const CAPACITY: usize = 65_536;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct QuotaConfig {
    /// Requests of one account.
    pub account: Rate,
    /// Sessions that one account opens: each is a snapshot of all its servers.
    pub opening: Rate,
    /// Requests of one address, those of accounts included.
    pub address: Rate,
    /// Requests of one address without a session; as many, besides, that sign in, whoever
    /// asks.
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

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// To be let in: a password may have to be hashed for it.
    SignIn,
    /// Anything else.
    Other,
}

impl What {
    /// What a request of this row asks.
    pub fn of(row: &Row) -> Self {
        if row.kind == RowKind::Forwarded && row.access == Access::Anyone {
            Self::SignIn
        } else {
            Self::Other
        }
    }

    /// What a request with this opcode asks.
    pub fn with(opcode: u16) -> Self {
        let row = (opcode >= opcode::FIRST_ANY).then(|| row(opcode)).flatten();
        row.map_or(Self::Other, Self::of)
    }
}

/// Counts requests.
#[derive(Debug)]
pub struct Quotas {
    accounts: Buckets<UserId>,
    openings: Buckets<UserId>,
    sessions: Buckets<SessionId>,
    addresses: Buckets<u64>,
    strangers: Buckets<u64>,
    sign_ins: Buckets<u64>,
}

impl Quotas {
    /// Nothing was counted yet.
    pub fn new(rates: QuotaConfig) -> Self {
        Self {
            accounts: Buckets::new(rates.account),
            openings: Buckets::new(rates.opening),
            sessions: Buckets::new(rates.account),
            addresses: Buckets::new(rates.address),
            strangers: Buckets::new(rates.stranger),
            sign_ins: Buckets::new(rates.stranger),
        }
    }

    /// Counts a request, or refuses it. Who asks too much for himself takes nothing from
    /// the others of his address; and whatever else its strangers ask leaves it its sign-ins.
    pub fn admit_request(
        &self,
        who: Who,
        what: What,
        address: u64,
        now: Instant,
    ) -> Result<(), Refusal> {
        match (who, what) {
            (Who::Account(user), _) => self.accounts.draw(user, now)?,
            (Who::Session(session), _) => self.sessions.draw(session, now)?,
            (Who::Stranger, What::SignIn) => {}
            (Who::Stranger, What::Other) => self.strangers.draw(address, now)?,
        }
        if what == What::SignIn {
            self.sign_ins.draw(address, now)?;
        }
        self.addresses.draw(address, now)
    }

    /// Counts a request that was admitted as one of a session, now that its account is known.
    pub fn admit_opened(&self, user: UserId, now: Instant) -> Result<(), Refusal> {
        self.accounts.draw(user, now)
    }

    /// Counts a session that an account opens over a socket.
    pub fn admit_session(&self, user: UserId, now: Instant) -> Result<(), Refusal> {
        self.openings.draw(user, now)
    }
}

#[derive(Debug)]
struct Buckets<K> {
    rate: Rate,
    known: Mutex<Recent<K, TokenBucket>>,
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            known: Mutex::new(Recent::new(CAPACITY)),
        }
    }

    fn draw(&self, key: K, now: Instant) -> Result<(), Refusal> {
        let mut known = self.known.lock();
        let drawn = if let Some(bucket) = known.get(&key) {
            bucket.draw(self.rate, 1, now)
        } else {
            let mut bucket = TokenBucket::full(self.rate, now);
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

    use shared::{ids::Id, protocol::row_named};

    use super::*;

    const fn rate(per_second: u32) -> Rate {
        Rate {
            per_second,
            burst: per_second * 4,
        }
    }

    fn quotas() -> Quotas {
        Quotas::new(QuotaConfig {
            opening: Rate {
                per_second: 2,
                burst: 60,
            },
            account: rate(1),
            address: rate(4),
            stranger: rate(2),
        })
    }

    fn admitted(quotas: &Quotas, user: Option<u64>, address: u64, now: Instant) -> usize {
        let user = user.and_then(Id::new);
        let who = user.map_or(Who::Stranger, Who::Account);
        let admit = |_: &usize| quotas.admit_request(who, What::Other, address, now).is_ok();
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
        let knock = |_: &usize| {
            let who = Who::Session(session);
            quotas.admit_request(who, What::Other, 7, now).is_ok()
        };
        assert_eq!((0..100).filter(knock).count(), 4);
        assert_eq!(admitted(&quotas, Some(1), 8, now), 4);
        assert!(quotas.admit_opened(user, now).is_err());
    }

    #[test]
    fn what_strangers_ask_leaves_an_address_its_sign_ins() {
        let (quotas, now) = (quotas(), Instant::now());
        let admit = |who, name: &str| {
            let what = What::of(row_named(name).unwrap());
            quotas.admit_request(who, what, 7, now).is_ok()
        };
        let taken = |who, name| (0..100).filter(|_: &usize| admit(who, name)).count();
        assert_eq!(taken(Who::Stranger, "ping"), 8);
        assert!(!admit(Who::Stranger, "invite_preview"));
        assert!(admit(Who::Stranger, "register"));
        // An account makes no exception, and has no sign-ins of its own.
        let member = |number| Who::Account(Id::new(number).unwrap());
        assert_eq!(taken(member(1), "login"), 4);
        assert_eq!(taken(member(2), "guest"), 3);
        assert!(!admit(Who::Stranger, "login"));
    }

    #[test]
    fn an_account_opens_so_many_sessions_whatever_else_it_asks() {
        let (quotas, now) = (quotas(), Instant::now());
        let user = Id::new(1).unwrap();
        let opened = |now| {
            let opens = |_: &usize| quotas.admit_session(user, now).is_ok();
            (0..1_000).filter(opens).count()
        };
        assert_eq!(opened(now), 60);
        assert_eq!(opened(now + Duration::from_secs(1)), 2);
        assert_eq!(admitted(&quotas, Some(1), 7, now), 4);
    }

    #[test]
    fn many_addresses_do_not_fill_the_memory() {
        let (quotas, now) = (quotas(), Instant::now());
        for address in 0..CAPACITY as u64 + 10 {
            let admitted = quotas.admit_request(Who::Stranger, What::Other, address, now);
            assert!(admitted.is_ok());
        }
        let known = quotas.strangers.known.lock().len();
        assert!(known <= CAPACITY, "{known}");
        let refusal = {
            admitted(&quotas, None, 1, now);
            let asked = quotas.admit_request(Who::Stranger, What::Other, 1, now);
            asked.unwrap_err()
        };
        assert_eq!(refusal, Refusal::retry(Reason::RateLimited, 500));
    }
}
