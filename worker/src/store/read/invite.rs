//! Invites.

use shared::ids::{ServerId, UserId};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

/// A code.
pub(crate) struct InviteRow {
    /// What it opens; none for the deployment.
    pub(crate) server: Option<ServerId>,
    /// How often it can still be redeemed; without end when absent.
    pub(crate) uses_left: Option<u32>,
    /// Until when it is valid, in milliseconds since 1970.
    pub(crate) expires_at: Option<u64>,
    revoked: bool,
}

columns! { InviteRow { server, uses_left, expires_at, revoked } }

impl InviteRow {
    /// Whether it can be redeemed.
    pub(crate) fn is_valid(&self, now_ms: u64) -> bool {
        !self.revoked
            && self.uses_left != Some(0)
            && self.expires_at.is_none_or(|expires| expires > now_ms)
    }
}

/// The code, valid or not.
pub(crate) async fn find_invite(
    snapshot: &mut Snapshot,
    code: &str,
) -> Result<Option<InviteRow>, StoreError> {
    let sql = "SELECT server, CASE WHEN max_uses IS NOT NULL THEN greatest(max_uses - uses, 0) END,
                      floor(extract(epoch FROM expires_at) * 1000)::bigint, revoked
               FROM invites WHERE code = $1";
    snapshot.find(sql, &[&code]).await
}

/// Whether the account redeemed the code before.
pub(crate) async fn has_redeemed(
    snapshot: &mut Snapshot,
    code: &str,
    account: UserId,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM invite_uses WHERE code = $1 AND account = $2)";
    snapshot.get(sql, &[&code, &account]).await
}
