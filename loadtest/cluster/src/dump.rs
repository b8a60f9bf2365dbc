//! Dumps of a database, and their way back.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{command::run, database_url, programs::postgres_folder, services::sql};

/// Writes a dump of a database into a file.
pub(crate) async fn write(url: &str, file: &Path) -> Result<()> {
    let mut command = Command::new(postgres_folder(None)?.join("pg_dump"));
    command.arg("--format=custom").arg("--file").arg(file);
    command.arg(url);
    run(command, "").await
}

/// Reads a dump into an empty database, which takes the name of the one that it was made of; that one
/// is kept under another.
pub(crate) async fn read(url: &str, file: &Path) -> Result<()> {
    let name = database_url::name(url)?;
    sql(&database_url::with_name(url, "postgres")?, async |client| {
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1";
        client.execute(end, &[&name]).await?;
        for statement in [
            format!(r#"ALTER DATABASE "{name}" RENAME TO "{name}_before""#),
            format!(r#"CREATE DATABASE "{name}""#),
        ] {
            client.batch_execute(&statement).await?;
        }
        Ok(())
    })
    .await?;
    let mut command = Command::new(postgres_folder(None)?.join("pg_restore"));
    command.args(["--no-owner", "--exit-on-error", "--dbname", url]);
    command.arg(file);
    run(command, "").await
}
