//! How many HTTP requests there may be, and how much they may hold.

use std::net::IpAddr;

use shared::error::{Reason, Refusal};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::{
    connection_limit::{ConnectionLimit, ConnectionPermit},
    memory_budget::{MemoryBudget, MemoryCharge},
};

/// Requests from before their body comes until their response was taken. Most of them wait
/// for a client, and hold no more than what came or was not taken yet.
const VISITS: usize = 16_384;
/// Those of one network address: a household or an office.
const ADDRESS_VISITS: usize = 128;
/// Requests that are executed; whose bodies come slowly and whose responses are taken slowly
/// are none.
const TURNS: usize = 1_024;
/// The part of the gateway's memory that HTTP may hold: who sends and reads slowly here must
/// not close the sockets of others.
const SHARE: usize = 4;
/// When to come again to a gateway with too many requests, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// What bounds HTTP at a gateway.
pub struct HttpLimit {
    visits: ConnectionLimit,
    turns: Semaphore,
    /// What HTTP holds, for its own bound and for that of all.
    own: MemoryBudget,
    all: MemoryBudget,
}

/// A request, from before its body comes until its response was taken.
pub struct HttpVisit {
    _permit: ConnectionPermit,
    own: MemoryCharge,
    all: MemoryCharge,
}

impl HttpLimit {
    /// Nobody is there yet. HTTP has a share of `memory`, of `bytes` in all.
    pub fn new(memory: &MemoryBudget, bytes: usize) -> Self {
        Self {
            visits: ConnectionLimit::new(VISITS, ADDRESS_VISITS),
            turns: Semaphore::new(TURNS),
            own: MemoryBudget::new(bytes / SHARE),
            all: memory.clone(),
        }
    }

    /// Lets a request in, before its body comes.
    pub fn admit_visit(&self, address: IpAddr) -> Result<HttpVisit, Refusal> {
        self.check_memory()?;
        let permit = self.visits.take_permit(address).map_err(|_full| busy())?;
        Ok(HttpVisit {
            _permit: permit,
            own: self.own.charge(),
            all: self.all.charge(),
        })
    }

    /// Lets a request be executed.
    pub fn take_turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.check_memory()?;
        self.turns.try_acquire().map_err(|_full| busy())
    }

    /// Whether there is memory for more.
    pub fn check_memory(&self) -> Result<(), Refusal> {
        if self.own.is_over() || self.all.is_over() {
            return Err(busy());
        }
        Ok(())
    }
}

impl HttpVisit {
    /// It holds so many bytes now.
    pub fn set_bytes(&mut self, bytes: usize) {
        self.own.set(bytes);
        self.all.set(bytes);
    }
}

fn busy() -> Refusal {
    Refusal::retry(Reason::Busy, RETRY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_keeps_to_its_share_and_no_address_takes_all_of_it() {
        let memory = MemoryBudget::new(1_000_000);
        let limit = HttpLimit::new(&memory, 1_000_000);
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut visits: Vec<HttpVisit> = (0..ADDRESS_VISITS)
            .map(|_| limit.admit_visit(one).unwrap())
            .collect();
        assert_eq!(limit.admit_visit(one).err(), Some(busy()));
        // Who only waits for its client takes no turn.
        let turns: Vec<_> = (0..TURNS).map_while(|_| limit.take_turn().ok()).collect();
        assert_eq!(
            (turns.len(), limit.take_turn().err()),
            (TURNS, Some(busy()))
        );
        drop(turns);
        assert!(limit.admit_visit(other).is_ok());
        visits[0].set_bytes(250_001);
        assert_eq!(limit.admit_visit(other).err(), Some(busy()));
        assert_eq!(limit.take_turn().err(), Some(busy()));
        assert_eq!((memory.used(), memory.is_over()), (250_001, false));
        drop(visits);
        assert!(limit.admit_visit(one).is_ok());
        assert_eq!(memory.used(), 0);
    }
}
