//! The name of the event log.

use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use crate::error::StoreError;

/// Gives the event log a name that it never had.
pub(crate) async fn rename(options: &PgConnectOptions, name: &str) -> Result<(), StoreError> {
    let mut connection = options.connect().await?;
    sqlx::query("UPDATE deployment SET epoch = $1")
        .bind(name)
        .execute(&mut connection)
        .await?;
    Ok(())
}
