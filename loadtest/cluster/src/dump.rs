//! Dumps of a database, and their way back.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{command::run, programs::postgres_folder, services::sql};

/// Writes a dump of a database into a file.
pub(crate) async fn write(database_url: &str, file: &Path) -> Result<()> {
    let mut command = Command::new(postgres_folder(None)?.join("pg_dump"));
    command.arg("--format=custom").arg("--file").arg(file);
    command.arg(database_url);
    run(command, "").await
}

/// Reads a dump into an empty database, which takes the name of the one that it was made of; that one
/// is kept under another.
pub(crate) async fn read(database_url: &str, file: &Path) -> Result<()> {
    let server = database_url.trim_end_matches("confab");
    sql(&format!("{server}postgres"), async |client| {
        for statement in [
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'confab'",
            "ALTER DATABASE confab RENAME TO confab_before",
            "CREATE DATABASE confab",
        ] {
            client.batch_execute(statement).await?;
        }
        Ok(())
    })
    .await?;
    let mut command = Command::new(postgres_folder(None)?.join("pg_restore"));
    command.args(["--no-owner", "--exit-on-error", "--dbname", database_url]);
    command.arg(file);
    run(command, "").await
}
