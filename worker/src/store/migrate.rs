//! Brings a database up to the schema of this version.

use std::time::Duration;

use sqlx::{
    ConnectOptions, PgConnection, SqlSafeStr,
    migrate::{self, Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};
use tokio::time::Instant;

use super::epoch;
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
const STEPS: [(&str, &str); 35] = [
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
    step!("0031_push"),
    step!("0032_notifications"),
    step!("0033_push_order"),
    step!("0034_trace"),
    step!("0035_replaced"),
];

/// How long a connection that failed is left alone, and a table that changes while somebody reads it.
const RETRY: Duration = Duration::from_millis(500);
/// A change of a table that somebody reads, such as a dump, holds up all who come after it: so it waits
/// no longer than they do.
const SETTINGS: [(&str, &str); 1] = [("lock_timeout", "1s")];
/// The SQLSTATEs of what waited in vain for a lock, and of what had one that others waited for meanwhile.
const LOCKED: [&str; 2] = ["55P03", "40P01"];

/// Why a database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrateError {
    /// It did not come up in time, or went away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A migration failed, or the database is newer than this version.
    #[error("the schema: {0}")]
    Schema(#[from] migrate::MigrateError),
}

/// Waits up to `patience` for the database, and without an end for those who read what changes, and
/// migrates it. Several workers may do this at once: they wait for each other.
pub(crate) async fn run(
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<(), MigrateError> {
    let options = options.clone().options(SETTINGS);
    let steps = (1..).zip(STEPS).map(|(version, (name, sql))| {
        let description = name.split_once('_').unwrap_or_default().1.replace('_', " ");
        let (kind, sql) = (MigrationType::Simple, sql.into_sql_str());
        Migration::new(version, description.into(), kind, sql, false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    loop {
        let mut connection = wait_for_database(&options, Instant::now() + patience).await?;
        match migrator.run(&mut connection).await {
            Err(error) if is_locked(&error) => {
                tracing::info!(%error, "waiting for somebody who reads what changes, or changes it, too");
            }
            migrated => {
                migrated?;
                return Ok(epoch::fill_origin(&mut connection).await?);
            }
        }
        // With the connection goes its lock, and another worker may try.
        drop(connection);
        tokio::time::sleep(RETRY).await;
    }
}

fn is_locked(error: &migrate::MigrateError) -> bool {
    let (migrate::MigrateError::Execute(error) | migrate::MigrateError::ExecuteMigration(error, _)) =
        error
    else {
        return false;
    };
    let code = error.as_database_error();
    let code = code.and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| LOCKED.contains(&code.as_ref()))
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

    use sqlx::{Connection as _, Executor as _};

    use super::*;
    use crate::{fixture::database, support::postgres};

    #[tokio::test]
    async fn who_reads_for_long_is_waited_for_and_holds_nobody_up() {
        let options = database().await;
        let pool = postgres::pool(options.clone()).await;
        let last = "ALTER TABLE deployment DROP COLUMN origin; DELETE FROM _sqlx_migrations WHERE version = 30";
        postgres::execute(&pool, last).await;
        let mut dump = options.connect().await.unwrap();
        let read = "SELECT 1 FROM deployment";
        let mut snapshot = dump.begin().await.unwrap();
        snapshot.execute(read).await.unwrap();
        let migrating = run(&options, Duration::from_secs(30));
        let waits =
            "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'deployment'::regclass";
        let reading = async {
            while pool.fetch_optional(waits).await.unwrap().is_none() {
                tokio::task::yield_now().await;
            }
            // It waits behind the migration, which gives up before this does.
            let mut other = pool.acquire().await.unwrap();
            other.execute("SET lock_timeout = '20s'").await.unwrap();
            other.execute(read).await.unwrap();
            snapshot.rollback().await.unwrap();
        };
        let (migrated, ()) = tokio::join!(migrating, reading);
        migrated.unwrap();
        pool.execute("SELECT origin FROM deployment").await.unwrap();
    }

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
