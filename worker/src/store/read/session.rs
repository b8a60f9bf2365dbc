//! Sessions.

use shared::{ids::UserId, protocol::session::SessionInfo};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

columns! { SessionInfo { session_id, device } }

/// The sessions of an account, oldest first.
pub(crate) async fn list_sessions(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Vec<SessionInfo>, StoreError> {
    let sql = "SELECT id, device FROM sessions WHERE account = $1 ORDER BY id";
    snapshot.list(sql, &[&account]).await
}
