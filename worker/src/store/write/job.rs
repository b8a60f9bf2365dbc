//! Jobs: work that no lane waits for.

use tokio_postgres::types::Type;

use super::Writes;
use crate::error::Error;

/// Enqueues a job in the transaction of its cause.
pub(crate) async fn enqueue_job(
    writes: &mut Writes<'_>,
    kind: &str,
    body: &[u8],
) -> Result<(), Error> {
    writes
        .execute(
            "INSERT INTO jobs (kind, body) VALUES ($1, $2) RETURNING id",
            &[(&kind, Type::TEXT), (&body, Type::BYTEA)],
        )
        .await?;
    Ok(())
}
