//! Whose session a token opens. Remembered for two seconds, so that a burst of requests is
//! one question; a revoked session works no longer than that. That a token opens nothing is
//! remembered as long: whoever keeps on trying it asks nobody.

use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use shared::{
    bus::envelope::{Caller, NodeAnswer, NodeQuery},
    error::{Reason, Refusal},
    recent::Recent,
};
use tokio::time::Instant;

use super::{gateway_queries::refuse_answer, queries::Queries};

/// How long an answer is remembered.
const AGE: Duration = Duration::from_secs(2);
/// How many are remembered: those that were used last.
const CAPACITY: usize = 10_000;

/// A token by its hash, so that none lies in memory.
type Hash = [u8; 32];

/// What was answered lately.
#[derive(Debug)]
pub struct TokenCache(Mutex<Recent<Hash, (Known, Instant)>>);

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Whose session it opens.
    Opens(Caller),
    /// Its session has ended, or never was.
    OpensNothing,
}

impl Default for TokenCache {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(CAPACITY)))
    }
}

impl TokenCache {
    /// What was answered about `token` lately.
    pub fn find_known(&self, token: &str, now: Instant) -> Option<Known> {
        let mut recent = self.0.lock();
        let (known, at) = recent.get(&hash(token))?;
        (now < *at + AGE).then(|| known.clone())
    }

    /// Asks a worker whose session `token` opens.
    pub async fn ask_worker(&self, queries: &Queries, token: &str) -> Result<Caller, Refusal> {
        let now = Instant::now();
        let query = NodeQuery::Identify {
            token: token.to_owned(),
        };
        match queries.ask_for_gateway(&query).await {
            Ok(NodeAnswer::Identified(caller)) => {
                self.remember_answer(token, Known::Opens(caller.clone()), now);
                Ok(caller)
            }
            Ok(NodeAnswer::Unauthenticated) => {
                self.remember_answer(token, Known::OpensNothing, now);
                Err(Reason::Unauthenticated.into())
            }
            other => Err(refuse_answer(other)),
        }
    }

    /// Remembers what a worker answered to a question that was asked at this time.
    pub fn remember_answer(&self, token: &str, known: Known, asked: Instant) {
        let mut recent = self.0.lock();
        recent.insert(hash(token), (known, asked));
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_known_for_two_seconds_and_few_enough() {
        let (token_cache, now) = (TokenCache::default(), Instant::now());
        assert_eq!(token_cache.find_known("t", now), None);
        token_cache.remember_answer("t", Known::OpensNothing, now);
        let almost = now + AGE - Duration::from_millis(1);
        assert_eq!(
            token_cache.find_known("t", almost),
            Some(Known::OpensNothing)
        );
        assert_eq!(token_cache.find_known("t", now + AGE), None);
        for number in 0..CAPACITY * 2 {
            token_cache.remember_answer(&number.to_string(), Known::OpensNothing, now);
        }
        let kept = token_cache.0.lock().len();
        assert!(kept <= CAPACITY, "{kept}");
    }
}
