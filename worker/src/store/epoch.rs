//! The name of the event log.

use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

use crate::error::StoreError;

/// Gives the log another name: the places that clients hold mean nothing in it.
pub(crate) async fn rename(options: &PgConnectOptions, name: &str) -> Result<(), StoreError> {
    let mut connection = options.connect().await?;
    sqlx::query("UPDATE deployment SET epoch = $1")
        .bind(name)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}
