//! Whose session a token opens, for requests without a socket. Remembered for
//! two seconds, so that a burst of requests is one question; a revoked session
//! works no longer than that.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};
use shared::{
    bus::envelope::{Caller, NodeAnswer, NodeQuery},
    error::{Reason, Refusal},
};
use tokio::time::Instant;

use crate::{fanout::unexpected, queries::Queries};

/// How long an answer is remembered.
const AGE: Duration = Duration::from_secs(2);
/// How many are remembered; when it is full, the old ones go, and while there
/// are none nothing new is remembered.
const CAPACITY: usize = 10_000;

/// What was answered lately, by the hash of the token.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<[u8; 32], (Caller, Instant), RandomState>>);

impl Tokens {
    /// Whose session `token` opens.
    pub async fn caller(&self, queries: &Queries, token: String) -> Result<Caller, Refusal> {
        let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let now = Instant::now();
        if let Some(caller) = self.remembered(&key, now) {
            return Ok(caller);
        }
        match queries.node(&NodeQuery::Identify { token }).await {
            Ok(NodeAnswer::Identified(caller)) => {
                self.remember(key, caller.clone(), now);
                Ok(caller)
            }
            Ok(NodeAnswer::Unauthenticated) => Err(Reason::Unauthenticated.into()),
            other => Err(unexpected(other)),
        }
    }

    fn remembered(&self, key: &[u8; 32], now: Instant) -> Option<Caller> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (caller, at) = known.get(key)?;
        (now < *at + AGE).then(|| caller.clone())
    }

    fn remember(&self, key: [u8; 32], caller: Caller, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY {
            known.retain(|_, (_, at)| now < *at + AGE);
        }
        if known.len() < CAPACITY {
            known.insert(key, (caller, now));
        }
    }
}
