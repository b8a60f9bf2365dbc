//! Jobs: work that no lane waits for.

use super::Writes;
use crate::error::StoreError;

/// Enqueues a job in the transaction of its cause, due `wait_s` seconds later.
pub(crate) async fn enqueue_job(
    writes: &mut Writes<'_>,
    kind: &str,
    body: &[u8],
    wait_s: i64,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO jobs (kind, body, due)
               VALUES ($1, $2, now() + $3::int8 * interval '1 second') RETURNING id";
    writes.execute(sql, &[&kind, &body, &wait_s]).await
}
