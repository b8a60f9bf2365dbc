//! Rate limits: counted in Redis for all workers, and by each worker for
//! itself while Redis is away, so that an outage neither opens nor closes the door.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use shared::{
    bus::{Bucket, Bus, BusError, Decision, Left, Quota},
    clock::Clock,
    domain::limits::RateLimit,
    ids::{SessionId, UserId},
    recent::Recent,
};

/// How many subjects a worker counts for itself: a few megabytes.
const MAX_LOCAL: usize = 65_536;
/// How long Redis is left alone after it failed, in milliseconds, so that not
/// every request waits for it.
const BACK_OFF_MS: u64 = 1_000;
/// How many accounts of one address may sign in as often as each of them may.
const ACCOUNTS_OF_ADDRESS: u32 = 10;
/// Whom a bucket belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// An account.
    Account(UserId),
    /// A session that may have ended: who has its token takes nothing from the account.
    Session(SessionId),
    /// The hash of a network address.
    Address(u64),
    /// What an address asks with one opcode: who tries passwords there keeps nobody of the
    /// same address from signing up.
    AddressFor(u64, u16),
    /// The sign-ins of an address that succeeded.
    Successes(u64),
    /// The hash of a name that somebody signs in with, whether it exists or not, and that
    /// of the network address where he is.
    NameAt(u64, u64),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(user) => write!(f, "account:{user}"),
            Self::Session(session) => write!(f, "session:{session}"),
            Self::Address(address) => write!(f, "address:{address:x}"),
            Self::AddressFor(address, opcode) => write!(f, "address:{address:x}:{opcode}"),
            Self::Successes(address) => write!(f, "successes:{address:x}"),
            Self::NameAt(name, address) => write!(f, "name:{name:x}:{address:x}"),
        }
    }
}

/// The quotas of the buckets that are limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Quotas(Vec<(RateLimit, Quota)>);

impl Quotas {
    /// The quotas that a function gives to the buckets.
    pub(crate) fn new(quota_of: impl Fn(RateLimit) -> Option<Quota>) -> Self {
        let buckets = RateLimit::ALL.iter();
        let limited = |(limit, _): &(RateLimit, &str)| Some((*limit, quota_of(*limit)?));
        Self(buckets.filter_map(limited).collect())
    }

    /// Every limited bucket of an account.
    fn buckets_of(&self, user: UserId) -> Vec<(RateLimit, Subject)> {
        let buckets = self.0.iter();
        buckets
            .map(|(limit, _)| (*limit, Subject::Account(user)))
            .collect()
    }

    fn of(&self, limit: RateLimit, subject: Subject) -> Option<Quota> {
        let (_, quota) = *self.0.iter().find(|(limited, _)| *limited == limit)?;
        let more = match subject {
            Subject::Successes(_) => ACCOUNTS_OF_ADDRESS,
            _ => 1,
        };
        Some(Quota {
            burst: quota.burst.saturating_mul(more),
            count: quota.count.saturating_mul(more),
            ..quota
        })
    }

    /// The key and the quota of each of these that is limited, with its place.
    fn limited_draws(&self, wants: &[(RateLimit, Subject)]) -> (Vec<usize>, Vec<(String, Quota)>) {
        let draw = |(place, (limit, subject)): (usize, &(RateLimit, Subject))| {
            let quota = self.of(*limit, *subject)?;
            let key = format!("limit:{}:{subject}", limit.name());
            Some((place, (key, quota)))
        };
        wants.iter().enumerate().filter_map(draw).unzip()
    }
}

/// Decides whether a request may go on. Clones share their counts.
#[derive(Clone)]
pub(crate) struct Limiter(Arc<Shared>);

struct Shared {
    bus: Bus,
    clock: Clock,
    quotas: Quotas,
    /// Before this time Redis is not asked.
    redis_from_ms: AtomicU64,
    local: Mutex<Local>,
}

impl Limiter {
    /// Counts by these quotas.
    pub(crate) fn new(bus: Bus, clock: Clock, quotas: Quotas) -> Self {
        Self(Arc::new(Shared {
            bus,
            clock,
            quotas,
            redis_from_ms: AtomicU64::new(0),
            local: Mutex::default(),
        }))
    }

    /// Draws once for each want, all in one call; answers in the same order. A
    /// refused draw takes nothing.
    pub(crate) async fn draw(&self, wants: &[(RateLimit, Subject)]) -> Vec<Decision> {
        let mut decisions = vec![Decision::Allowed; wants.len()];
        let (places, draws) = self.0.quotas.limited_draws(wants);
        if draws.is_empty() {
            return decisions;
        }
        for (place, drawn) in places.into_iter().zip(self.draw_shared(&draws).await) {
            if let Some(decision) = decisions.get_mut(place) {
                *decision = drawn;
            }
        }
        decisions
    }

    /// Gives back one draw of each: what was tried did succeed.
    pub(crate) async fn give_back(&self, wants: &[(RateLimit, Subject)]) {
        let (_, draws) = self.0.quotas.limited_draws(wants);
        if draws.is_empty() {
            return;
        }
        {
            let mut local = self.lock_local();
            let now = self.0.clock.now_ms();
            for (key, quota) in &draws {
                local.give_back(key, *quota, now);
            }
        }
        if let Err(error) = self.0.bus.give_back(&draws).await {
            // An account that signed in has one attempt less for a while.
            tracing::debug!(%error, "a draw was not given back");
        }
    }

    /// What is left of each bucket of an account that is limited, without drawing.
    pub(crate) async fn list_left(&self, user: UserId) -> Vec<(RateLimit, Quota, Left)> {
        let wants = self.0.quotas.buckets_of(user);
        let (_, draws) = self.0.quotas.limited_draws(&wants);
        let (keys, quotas): (Vec<String>, Vec<Quota>) = draws.into_iter().unzip();
        let shown = self.ask_redis(|bus| async { bus.show_buckets(&keys).await });
        let (now_us, kept) = if let Some(shown) = shown.await {
            shown
        } else {
            let mut local = self.lock_local();
            let kept = keys.iter().map(|key| local.kept(key)).collect();
            (self.0.clock.now_ms().saturating_mul(1_000), kept)
        };
        let left = quotas.into_iter().zip(kept);
        wants
            .into_iter()
            .zip(left)
            .map(|((limit, _), (quota, kept))| (limit, quota, quota.left(kept, now_us)))
            .collect()
    }

    /// Gives an account all of its buckets back, and ends its cooldowns. What other workers
    /// counted by themselves while Redis was away, they go on counting until it is back.
    pub(crate) async fn reset(&self, user: UserId) -> Result<(), BusError> {
        let wants = self.0.quotas.buckets_of(user);
        let (_, draws) = self.0.quotas.limited_draws(&wants);
        let keys: Vec<String> = draws.into_iter().map(|(key, _)| key).collect();
        self.0.bus.reset_buckets(&keys).await?;
        let mut local = self.lock_local();
        for key in &keys {
            local.reset(key);
        }
        Ok(())
    }

    async fn draw_shared(&self, draws: &[(String, Quota)]) -> Vec<Decision> {
        let drawn = self.ask_redis(|bus| async { bus.draw(draws).await });
        if let Some(decisions) = drawn.await {
            return decisions;
        }
        #[cfg(feature = "sabotage")]
        if crate::sabotage::opens_door() {
            return vec![Decision::Allowed; draws.len()];
        }
        let now = self.0.clock.now_ms();
        let mut local = self.lock_local();
        draws
            .iter()
            .map(|(key, quota)| local.draw(key, *quota, now))
            .collect()
    }

    /// Asks Redis, unless it failed just now; none when this worker is to count by itself.
    async fn ask_redis<'a, T, F: Future<Output = Result<T, BusError>>>(
        &'a self,
        ask: impl FnOnce(&'a Bus) -> F,
    ) -> Option<T> {
        let (shared, now) = (&self.0, self.0.clock.now_ms());
        let from = shared.redis_from_ms.load(Ordering::Relaxed);
        #[cfg(feature = "sabotage")]
        if crate::sabotage::counts_alone() {
            return None;
        }
        // Further away only when the clock was set back.
        if now < from && from <= now.saturating_add(BACK_OFF_MS) {
            return None;
        }
        let answer = ask(&shared.bus).await;
        if let Err(error) = &answer {
            tracing::warn!(%error, "limits are counted by this worker alone");
            let from = now.saturating_add(BACK_OFF_MS);
            shared.redis_from_ms.store(from, Ordering::Relaxed);
        }
        answer.ok()
    }

    fn lock_local(&self) -> MutexGuard<'_, Local> {
        self.0.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of each key: see [`Quota::draw`]. Those are forgotten that drew nothing for
/// longest: forgiving some is better than refusing all who are new.
struct Local(Recent<String, Bucket>);

impl Default for Local {
    fn default() -> Self {
        Self(Recent::new(MAX_LOCAL))
    }
}

impl Local {
    fn kept(&mut self, key: &str) -> Bucket {
        self.0.get(key).map_or_else(Bucket::default, |kept| *kept)
    }

    fn draw(&mut self, key: &str, quota: Quota, now_ms: u64) -> Decision {
        let known = self.0.get(key);
        let kept = known.as_deref().copied().unwrap_or_default();
        let (decision, kept) = quota.draw(kept, now_ms.saturating_mul(1_000));
        match known {
            Some(known) => *known = kept,
            None => self.0.insert(key.to_owned(), kept),
        }
        decision
    }

    fn give_back(&mut self, key: &str, quota: Quota, now_ms: u64) {
        if let Some(kept) = self.0.get(key) {
            *kept = quota.give_back(*kept, now_ms.saturating_mul(1_000));
        }
    }

    fn reset(&mut self, key: &str) {
        if let Some(kept) = self.0.get(key) {
            *kept = Bucket::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn quota(count: u32, period_ms: u32, burst: u32) -> Quota {
        Quota {
            burst,
            count,
            period_ms,
            cooldown_ms: 0,
        }
    }

    #[test]
    fn a_burst_then_one_per_interval() {
        let quota = quota(60, 60_000, 3);
        let mut local = Local::default();
        for _ in 0..3 {
            assert_eq!(local.draw("a", quota, 10_000), Decision::Allowed);
        }
        assert_eq!(local.draw("a", quota, 10_000), Decision::Limited(1_000));
        assert_eq!(local.draw("a", quota, 10_400), Decision::Limited(600));
        assert_eq!(local.draw("a", quota, 11_000), Decision::Allowed);
        assert_eq!(local.draw("a", quota, 11_000), Decision::Limited(1_000));
        assert_eq!(local.draw("b", quota, 11_000), Decision::Allowed);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let quota = quota(60, 60_000, 3);
        let mut local = Local::default();
        for _ in 0..3 {
            assert_eq!(local.draw("a", quota, 10_000_000), Decision::Allowed);
        }
        assert_eq!(local.draw("a", quota, 10_000), Decision::Limited(1_000));
        assert_eq!(local.draw("a", quota, 11_000), Decision::Allowed);
    }

    #[test]
    fn the_map_stays_bounded() {
        let quota = quota(1, 3_600_000, 1);
        let mut local = Local::default();
        for n in 0..MAX_LOCAL + 10 {
            local.draw(&n.to_string(), quota, 1_000);
        }
        assert!(local.0.len() <= MAX_LOCAL, "{}", local.0.len());
    }
}
