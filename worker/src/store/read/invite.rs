//! Invites.

use shared::{
    ids::{ServerId, UserId},
    protocol::invite::{Invite, InviteUse},
};

use super::Snapshot;
use crate::{
    error::StoreError,
    store::{invite::opens_account, values::columns},
};

/// A code.
pub(crate) struct InviteRow {
    /// What it opens; none for the deployment.
    pub(crate) server: Option<ServerId>,
    /// How often it can still be redeemed; without end when absent.
    pub(crate) uses_left: Option<u32>,
    /// Until when it is valid, in milliseconds since 1970.
    pub(crate) expires_at: Option<u64>,
    /// Who made it.
    pub(crate) creator: UserId,
    /// Whether it opens accounts: who made it administers the deployment, and owns its server.
    pub(crate) opens_account: bool,
    revoked: bool,
}

columns! { InviteRow { server, uses_left, expires_at, creator, opens_account, revoked } }
columns! { Invite { code, creator_id, created_at, uses, max_uses, expires_at, revoked } }
columns! { InviteUse { user, used_at } }

impl InviteRow {
    /// Whether it can be redeemed.
    pub(crate) fn is_valid(&self, now_ms: u64) -> bool {
        self.is_kept(now_ms) && self.uses_left != Some(0)
    }

    /// Whether it opens something, if not for anybody new.
    pub(crate) fn is_kept(&self, now_ms: u64) -> bool {
        !self.revoked
            && self.expires_at.is_none_or(|expires| expires > now_ms)
            && (self.server.is_some() || self.opens_account)
    }
}

/// The code, valid or not.
pub(crate) async fn find_invite(
    snapshot: &mut Snapshot,
    code: &str,
) -> Result<Option<InviteRow>, StoreError> {
    let sql = concat!(
        "SELECT server, CASE WHEN max_uses IS NOT NULL THEN greatest(max_uses - uses, 0) END,
                      floor(extract(epoch FROM expires_at) * 1000)::bigint, creator, ",
        opens_account!(),
        ", revoked FROM invites WHERE code = $1"
    );
    snapshot.find(sql, &[&code]).await
}

/// A page of the codes of a server, or without one of the deployment: all, or those of one
/// creator.
pub(crate) async fn list_invites(
    snapshot: &mut Snapshot,
    server: Option<ServerId>,
    creator: Option<UserId>,
    after: &str,
    limit: u32,
) -> Result<Vec<Invite>, StoreError> {
    let (scope, limit) = (server.map_or(0, ServerId::get), i64::from(limit));
    let Some(creator) = creator else {
        let sql =
            "SELECT code, creator, floor(extract(epoch FROM created_at) * 1000)::bigint, uses,
                          max_uses, floor(extract(epoch FROM expires_at) * 1000)::bigint, revoked
                   FROM invites WHERE coalesce(server, 0) = $1 AND code > $2
                   ORDER BY code LIMIT $3";
        return snapshot.list(sql, &[&scope, &after, &limit]).await;
    };
    let sql = "SELECT code, creator, floor(extract(epoch FROM created_at) * 1000)::bigint, uses,
                      max_uses, floor(extract(epoch FROM expires_at) * 1000)::bigint, revoked
               FROM invites WHERE coalesce(server, 0) = $1 AND creator = $2 AND code > $3
               ORDER BY code LIMIT $4";
    snapshot
        .list(sql, &[&scope, &creator, &after, &limit])
        .await
}

/// A page of the uses of a code, the last one first, behind that of the account `after`.
pub(crate) async fn list_uses(
    snapshot: &mut Snapshot,
    code: &str,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<InviteUse>, StoreError> {
    let limit = i64::from(limit);
    let Some(after) = after else {
        let sql = "SELECT a.id, a.name, a.guest, a.admin, a.avatar, a.deleted,
                          floor(extract(epoch FROM u.used_at) * 1000)::bigint
                   FROM invite_uses u JOIN accounts a ON a.id = u.account WHERE u.code = $1
                   ORDER BY u.used_at DESC, u.account DESC LIMIT $2";
        return snapshot.list(sql, &[&code, &limit]).await;
    };
    let sql = "SELECT a.id, a.name, a.guest, a.admin, a.avatar, a.deleted,
                      floor(extract(epoch FROM u.used_at) * 1000)::bigint
               FROM invite_uses u JOIN accounts a ON a.id = u.account
               WHERE u.code = $1 AND (u.used_at, u.account) <
                   (SELECT l.used_at, l.account FROM invite_uses l
                    WHERE l.code = $1 AND l.account = $2)
               ORDER BY u.used_at DESC, u.account DESC LIMIT $3";
    snapshot.list(sql, &[&code, &after, &limit]).await
}

/// Whether the account was opened by the code of a server that it may still join by it.
pub(crate) async fn may_still_join(
    snapshot: &mut Snapshot,
    code: &str,
    account: UserId,
) -> Result<bool, StoreError> {
    let sql =
        "SELECT EXISTS (SELECT FROM invite_uses WHERE code = $1 AND account = $2 AND unspent)";
    snapshot.get(sql, &[&code, &account]).await
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
