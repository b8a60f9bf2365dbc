//! Leaves jobs in the transaction of their cause, by the driver of all but lanes; what lanes leave is
//! in `write::job`.

use sqlx::PgConnection;

use super::statement;
use crate::error::StoreError;

/// Leaves a job that is due at once.
pub(super) async fn enqueue_job(
    connection: &mut PgConnection,
    kind: &str,
    body: &[u8],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO jobs (kind, body) VALUES ($1, $2)";
    statement::execute(connection, sql, &[&kind, &body]).await?;
    Ok(())
}

/// Leaves a job of this kind, unless there is one already that goes on by itself.
pub(super) async fn enqueue_once(
    connection: &mut PgConnection,
    kind: &str,
    body: &[u8],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO jobs (kind, body) SELECT $1, $2
               WHERE NOT EXISTS (SELECT FROM jobs WHERE kind = $1 AND NOT parked)";
    statement::execute(connection, sql, &[&kind, &body]).await?;
    Ok(())
}
