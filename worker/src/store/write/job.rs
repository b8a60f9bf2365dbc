//! Jobs: work that no lane waits for.

use super::Writes;
use crate::error::StoreError;

/// Enqueues a job in the transaction of its cause.
pub(crate) async fn enqueue_job(
    writes: &mut Writes<'_>,
    kind: &str,
    body: &[u8],
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO jobs (kind, body) VALUES ($1, $2) RETURNING id";
    writes.execute(sql, &[&kind, &body]).await
}
