//! The process that lanes belong to, and which others live.
//!
//! Its lease is renewed beside the lanes, whatever keeps them waiting. It runs
//! out before those of the lanes do, so that a lane that takes a partition of a
//! process that died finds that it did.

use std::{sync::Arc, time::Duration};

use shared::bus::Bus;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::error::Error;

/// How often a process says that it lives.
const PERIOD: Duration = Duration::from_millis(400);
/// Shorter than the lease of a lane.
const LEASE: Duration = Duration::from_millis(1_500);
/// The name of these leases.
const PREFIX: &str = "workers";

/// A running worker: a number that no other has, not even the same node started again.
#[derive(Debug, Clone)]
pub(crate) struct Process(Arc<Named>);

#[derive(Debug)]
struct Named {
    number: i64,
    name: String,
}

impl Process {
    /// A new one.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut bytes = [0_u8; 8];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::Internal(format!("the system gives no randomness: {error}")))?;
        // Positive, and never what stands for nobody.
        let number = (i64::from_be_bytes(bytes) & i64::MAX).max(1);
        let name = format!("{number:x}");
        Ok(Self(Arc::new(Named { number, name })))
    }

    /// What names it in Postgres; never 0.
    pub(crate) fn number(&self) -> i64 {
        self.0.number
    }

    /// What names it on the bus.
    pub(crate) fn name(&self) -> String {
        self.0.name.clone()
    }

    /// Says that it lives, until it is stopped.
    pub(crate) async fn run(self, bus: Bus, stop: CancellationToken) {
        while !stop.is_cancelled() {
            drop(self.living_workers(&bus).await);
            stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await;
        }
    }

    /// Who lives; none when Redis cannot say.
    pub(crate) async fn living_workers(&self, bus: &Bus) -> Option<Vec<i64>> {
        match bus.renew_lease(PREFIX, &self.0.name, LEASE).await {
            Ok(names) => Some(
                names
                    .iter()
                    .filter_map(|name| i64::from_str_radix(name, 16).ok())
                    .collect(),
            ),
            Err(error) => {
                debug!(%error, "nobody knows which workers live");
                None
            }
        }
    }
}
