//! Brings a database up to the schema of this version.

use std::time::Duration;

use sqlx::{ConnectOptions, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tokio::time::Instant;

use crate::error::StoreError;

/// The schema.
pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// How long a connection that failed is left alone.
const RETRY: Duration = Duration::from_millis(500);

/// Why a database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrateError {
    /// It did not come up in time, or went away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A migration failed, or the database is newer than this version.
    #[error("the schema: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
}

/// Waits up to `patience` for the database, and migrates it.
/// Several workers may do this at once: they wait for each other.
pub(crate) async fn run(
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<(), MigrateError> {
    let mut connection = wait_for_database(options, Instant::now() + patience).await?;
    MIGRATOR.run(&mut connection).await?;
    Ok(())
}

/// Programs start in any order, so a database that is not there yet is no fault.
async fn wait_for_database(
    options: &PgConnectOptions,
    until: Instant,
) -> Result<PgConnection, StoreError> {
    loop {
        let error = match tokio::time::timeout_at(until, options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => StoreError::from(error),
            Err(elapsed) => StoreError::Driver {
                code: None,
                source: Box::new(elapsed),
            },
        };
        if Instant::now() + RETRY >= until || !error.is_outage() {
            return Err(error);
        }
        tracing::info!(%error, "waiting for the database");
        tokio::time::sleep(RETRY).await;
    }
}
