//! Exports, as far as lanes decide about them.

use shared::{
    ids::{AnyId, UserId},
    protocol::account::Export,
};

use super::{Reads, Writes};
use crate::error::StoreError;

/// The last export of an account, expired or not.
pub(crate) async fn find_export(
    reads: Reads<'_>,
    user: UserId,
) -> Result<Option<Export>, StoreError> {
    let sql = "SELECT started_at, finished_at, parts, bytes, cut FROM exports WHERE account = $1";
    reads.find(sql, &[&user]).await
}

/// Whether as many exports are written as may be at once.
pub(crate) async fn has_exports(reads: Reads<'_>, most: u32) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM
                   (SELECT FROM exports WHERE finished_at IS NULL LIMIT $1) running";
    let most = i64::from(most);
    let found: Option<i64> = reads.find(sql, &[&most]).await?;
    Ok(found.is_some_and(|count| count >= most))
}

/// Puts an export in the place of the last one.
pub(crate) async fn begin_export(
    writes: &mut Writes<'_>,
    (user, id): (UserId, AnyId),
    now_ms: u64,
) -> Result<Export, StoreError> {
    let sql = "INSERT INTO exports (account, id, started_at) VALUES ($1, $2, $3)
               ON CONFLICT (account) DO UPDATE SET id = excluded.id, started_at = excluded.started_at,
                   finished_at = NULL, parts = 0, bytes = 0, cut = false
               RETURNING started_at, finished_at, parts, bytes, cut";
    let begun: Vec<Export> = writes.list(sql, &[&user, &id, &now_ms]).await?;
    let begun = begun.into_iter().next();
    begun.ok_or(StoreError::Inconsistency("an export that was not begun"))
}
