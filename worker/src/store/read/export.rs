//! Exports, as their owners fetch them.

use shared::{ids::UserId, protocol::account::Export};

use super::Snapshot;
use crate::error::StoreError;

/// The last export of an account, expired or not.
pub(crate) async fn find_export(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Option<Export>, StoreError> {
    let sql = "SELECT started_at, finished_at, parts, bytes, cut FROM exports WHERE account = $1";
    snapshot.find(sql, &[&account]).await
}

/// The lines of a part.
pub(crate) async fn find_part(
    snapshot: &mut Snapshot,
    account: UserId,
    part: u32,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT lines FROM export_parts WHERE account = $1 AND number = $2";
    snapshot.find(sql, &[&account, &part]).await
}
