//! Sessions.

use shared::{ids::UserId, protocol::session::SessionInfo};

use super::{Snapshot, id};
use crate::error::StoreError;

/// The sessions of an account, oldest first.
pub(crate) async fn list_sessions(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Vec<SessionInfo>, StoreError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, device FROM sessions WHERE account = $1 ORDER BY id")
            .bind(account.sql())
            .fetch_all(&mut *snapshot.transaction)
            .await?;
    rows.into_iter()
        .map(|(session, device)| {
            Ok(SessionInfo {
                session_id: id(session)?,
                device,
            })
        })
        .collect()
}
