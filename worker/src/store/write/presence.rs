//! Statuses of accounts.

use shared::{ids::UserId, protocol::presence::StatusKind};

use super::Writes;
use crate::error::StoreError;

/// Sets the status, the text and the end of both; answers which change that was, and none for an
/// account that is deleted. Who hides is seen with the text before until gateways have heard of it.
pub(crate) async fn set_status(
    writes: &mut Writes<'_>,
    user: UserId,
    (status, text, until): (StatusKind, &str, Option<u64>),
    now_ms: u64,
) -> Result<Option<u64>, StoreError> {
    let sql = "INSERT INTO statuses AS s (account, status, text, until, version)
               SELECT id, $2, $3, $4, 1 FROM accounts WHERE id = $1 AND NOT deleted
               ON CONFLICT (account) DO UPDATE SET status = excluded.status, text = excluded.text,
                   until = excluded.until, version = s.version + 1,
                   shown = CASE WHEN excluded.status <> $5 OR s.until <= $6 THEN NULL
                                WHEN s.status = $5 THEN s.shown ELSE s.text END
               RETURNING version";
    let hidden = StatusKind::Invisible;
    let versions: Vec<u64> = writes
        .list(sql, &[&user, &status, &text, &until, &hidden, &now_ms])
        .await?;
    Ok(versions.first().copied())
}
