//! Brings a database up to the schema of this version.

use std::time::Duration;

use sqlx::{
    ConnectOptions, PgConnection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};
use tokio::time::Instant;

use crate::error::StoreError;

macro_rules! step {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../migrations/", $name, ".sql")),
        )
    };
}

/// The schema: the files of `migrations/`, in their order.
const STEPS: [(&str, &str); 30] = [
    step!("0001_foundation"),
    step!("0002_lane"),
    step!("0003_opcodes"),
    step!("0004_sight"),
    step!("0005_session_salt"),
    step!("0006_log"),
    step!("0007_registers"),
    step!("0008_moderation"),
    step!("0009_account"),
    step!("0010_mentions"),
    step!("0011_reactions"),
    step!("0012_member"),
    step!("0013_moderated"),
    step!("0014_channel"),
    step!("0015_tombstones"),
    step!("0016_server_purge"),
    step!("0017_search"),
    step!("0018_modlog"),
    step!("0019_admin"),
    step!("0020_tracks"),
    step!("0021_held_names"),
    step!("0022_search_notes"),
    step!("0023_presence"),
    step!("0024_export"),
    step!("0025_deletions"),
    step!("0026_kept"),
    step!("0027_shown_text"),
    step!("0028_rights"),
    step!("0029_opened"),
    step!("0030_origin"),
];

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
    let steps = (1..).zip(STEPS).map(|(version, (name, sql))| {
        let description = name.split_once('_').unwrap_or_default().1.replace('_', " ");
        let (kind, sql) = (MigrationType::Simple, sql.into_sql_str());
        Migration::new(version, description.into(), kind, sql, false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    migrator.run(&mut connection).await?;
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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_migration_is_a_step() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "sql"))
            .collect();
        files.sort();
        assert_eq!(files.len(), STEPS.len());
        for ((number, file), (name, sql)) in (1..).zip(files).zip(STEPS) {
            assert!(name.starts_with(&format!("{number:04}_")), "{name}");
            assert_eq!(file.file_stem().unwrap(), name);
            assert_eq!(fs::read_to_string(file).unwrap(), sql, "{name}");
        }
    }
}
