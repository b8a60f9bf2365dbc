//! After a restore an operator has to say so, or what was after the backup meets what was before it.

use std::time::Duration;

use anyhow::bail;
use shared::bus::Bus;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::store::{PgConnectOptions, epoch};

/// How often a database that is not there yet is looked for, and how often that is said.
const RETRY: Duration = Duration::from_secs(1);
const COMPLAINT: Duration = Duration::from_secs(10);

const NOT_TOLD: &str = "the database was restored, or moved, since its event log was made: stop all \
    programs, run `worker new-epoch` and empty Redis (FLUSHALL), then start them";
const NOT_EMPTIED: &str = "Redis holds what belongs to another event log than the database's, as \
    after a restore: stop all programs, empty it (FLUSHALL), then start them";

/// Refuses a database that was restored without a word, and a Redis of another log; answers with
/// the origin of the log. Waits for both.
pub(crate) async fn check(options: &PgConnectOptions, bus: &Bus) -> anyhow::Result<String> {
    let mut complained: Option<Instant> = None;
    loop {
        let error = match epoch::find_origin(options).await {
            Ok(Some(origin)) => match check_bus(bus, &origin).await {
                Ok(()) => return Ok(origin),
                Err(Mismatch::Other(reason)) => bail!(reason),
                Err(Mismatch::Unknown(error)) => error,
            },
            Ok(None) => bail!(NOT_TOLD),
            // It is away, or has no schema yet.
            Err(error) => error.to_string(),
        };
        if complained.is_none_or(|at| at.elapsed() >= COMPLAINT) {
            complained = Some(Instant::now());
            warn!(error, "waiting for the database and for Redis");
        }
        sleep(RETRY).await;
    }
}

/// Why Redis is not known to be that of this log.
#[derive(Debug)]
pub(crate) enum Mismatch {
    /// It is that of another one, for good.
    Other(&'static str),
    /// It does not say.
    Unknown(String),
}

/// Whether Redis is that of the log of this origin; one that is empty is, from now on.
pub(crate) async fn check_bus(bus: &Bus, origin: &str) -> Result<(), Mismatch> {
    match bus.name_origin(origin).await {
        Ok(said) if said == origin => Ok(()),
        Ok(_) => Err(Mismatch::Other(NOT_EMPTIED)),
        Err(error) => Err(Mismatch::Unknown(error.to_string())),
    }
}
