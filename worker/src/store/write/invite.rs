//! Invites and their uses.

use shared::ids::{ServerId, UserId};

use super::{Reads, Writes};
use crate::{error::StoreError, store::invite::opens_account};

/// An invite that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewInvite<'a> {
    pub(crate) code: &'a str,
    /// None for a code that opens the deployment.
    pub(crate) server: Option<ServerId>,
    pub(crate) creator: UserId,
    pub(crate) max_uses: Option<u32>,
    /// In seconds.
    pub(crate) expires_in: Option<u32>,
}

/// Whether a server, or without one the deployment, has as many codes as it may that
/// still open it.
pub(crate) async fn has_invites(
    reads: Reads<'_>,
    server: Option<ServerId>,
    most: i64,
) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM (
               SELECT FROM invites WHERE coalesce(server, 0) = $1 AND NOT revoked
                   AND (expires_at IS NULL OR expires_at > now())
                   AND (max_uses IS NULL OR uses < max_uses) LIMIT $2) found";
    let scope = server.map_or(0, ServerId::get);
    let found: Option<i64> = reads.find(sql, &[&scope, &most]).await?;
    Ok(found.is_some_and(|count| count >= most))
}

/// Whether a member has made as many codes of a server as he may: those that still open it, and
/// those of the last hour, whatever became of them.
pub(crate) async fn has_own_invites(
    reads: Reads<'_>,
    (server, creator): (ServerId, UserId),
    most: i64,
) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM (
               SELECT FROM invites WHERE coalesce(server, 0) = $1 AND creator = $2
                   AND (created_at > now() - interval '1 hour'
                        OR (NOT revoked AND (expires_at IS NULL OR expires_at > now())
                            AND (max_uses IS NULL OR uses < max_uses))) LIMIT $3) found";
    let found: Option<i64> = reads.find(sql, &[&server, &creator, &most]).await?;
    Ok(found.is_some_and(|count| count >= most))
}

/// Deletes a few codes that open nothing any more and that nobody used: more than are made, so that
/// none stay. Used ones stay, as they tell how their people came in.
pub(crate) async fn delete_dead_invites(
    writes: &mut Writes<'_>,
    server: Option<ServerId>,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM invites WHERE code IN (
                   SELECT code FROM invites
                   WHERE coalesce(server, 0) = $1 AND uses = 0
                       AND created_at <= now() - interval '1 hour'
                       AND (revoked OR expires_at <= now()) LIMIT 50)
               RETURNING code";
    let scope = server.map_or(0, ServerId::get);
    writes.execute(sql, &[&scope]).await
}

/// Makes all codes useless that an account made for a server.
pub(crate) async fn revoke_invites_of(
    writes: &mut Writes<'_>,
    (server, creator): (ServerId, UserId),
) -> Result<usize, StoreError> {
    let sql = "UPDATE invites SET revoked = true
               WHERE coalesce(server, 0) = $1 AND creator = $2 AND NOT revoked RETURNING code";
    writes.execute(sql, &[&server, &creator]).await
}

pub(crate) async fn insert_invite(
    writes: &mut Writes<'_>,
    invite: &NewInvite<'_>,
) -> Result<usize, StoreError> {
    let expires_in = invite.expires_in.map(f64::from);
    // In the server of somebody else, others would read the code who may not open accounts.
    let sql = "INSERT INTO invites (code, server, creator, max_uses, expires_at, opens_account)
               VALUES ($1, $2, $3, $4, now() + $5 * interval '1 second', EXISTS (
                   SELECT FROM servers s JOIN accounts a ON a.id = s.owner
                   WHERE s.id = $2 AND s.owner = $3 AND a.admin)) RETURNING code";
    writes
        .execute(
            sql,
            &[
                &invite.code,
                &invite.server,
                &invite.creator,
                &invite.max_uses,
                &expires_in,
            ],
        )
        .await
}

/// Redeems a code for an account that it opens: counts the use and remembers who it was, in one
/// statement whose row lock keeps a single-use code from being spent twice. `false` when the code
/// is expired, revoked or used up, when who made it administers the deployment no more, or when it
/// opens a server that is gone. With the code of a server, the use is good for joining it, too.
pub(crate) async fn open_account(
    writes: &mut Writes<'_>,
    code: &str,
    user: UserId,
) -> Result<bool, StoreError> {
    let sql = concat!(
        "WITH used AS (
                  UPDATE invites SET uses = uses + 1
                  WHERE code = $1 AND NOT revoked
                      AND (max_uses IS NULL OR uses < max_uses) AND (expires_at IS NULL OR expires_at > now())
                      AND ",
        opens_account!(),
        " RETURNING code, server)
               INSERT INTO invite_uses (code, account, opened_account, unspent)
               SELECT code, $2, true, server IS NOT NULL FROM used
               ON CONFLICT (code, account) DO UPDATE
                   SET used_at = now(), opened_account = true, unspent = excluded.unspent
               RETURNING code"
    );
    let used = writes.execute(sql, &[&code, &user]).await?;
    Ok(used == 1)
}

/// Lets an account into the server of a code once, by the use that opened the account: so a code
/// for one person opens both. `false` when there is no such use, or the code is revoked or expired.
pub(crate) async fn spend_opening(
    writes: &mut Writes<'_>,
    code: &str,
    (server, user): (ServerId, UserId),
) -> Result<bool, StoreError> {
    let sql = "UPDATE invite_uses u SET unspent = false, used_at = now()
               FROM invites i
               WHERE u.code = $1 AND u.account = $3 AND u.unspent
                   AND i.code = u.code AND i.server = $2 AND NOT i.revoked
                   AND (i.expires_at IS NULL OR i.expires_at > now())
               RETURNING u.code";
    let spent = writes.execute(sql, &[&code, &server, &user]).await?;
    Ok(spent == 1)
}

/// Ends what [`spend_opening`] would still let an account do in a server.
pub(crate) async fn end_openings(
    writes: &mut Writes<'_>,
    (server, user): (ServerId, UserId),
) -> Result<usize, StoreError> {
    let sql = "UPDATE invite_uses u SET unspent = false FROM invites i
               WHERE u.account = $2 AND u.unspent AND i.code = u.code AND i.server = $1
               RETURNING u.code";
    writes.execute(sql, &[&server, &user]).await
}

/// Redeems a code of a server for who joins it: counts the use and remembers who it was, in one
/// statement whose row lock keeps a single-use code from being spent twice. `false`
/// when the code opens something else, or is expired, revoked or used up.
pub(crate) async fn redeem_invite(
    writes: &mut Writes<'_>,
    code: &str,
    (server, user): (ServerId, UserId),
) -> Result<bool, StoreError> {
    let sql = "WITH used AS (
                  UPDATE invites SET uses = uses + 1
                  WHERE code = $1 AND server = $2 AND NOT revoked
                      AND (max_uses IS NULL OR uses < max_uses) AND (expires_at IS NULL OR expires_at > now())
                  RETURNING code)
               INSERT INTO invite_uses (code, account) SELECT code, $3 FROM used
               ON CONFLICT (code, account) DO UPDATE SET used_at = now() RETURNING code";
    let used = writes.execute(sql, &[&code, &server, &user]).await?;
    Ok(used == 1)
}

/// Who made a code of a server, or without one of the deployment; none when it has no such code
/// that still might be redeemed.
pub(crate) async fn find_creator(
    reads: Reads<'_>,
    server: Option<ServerId>,
    code: &str,
) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT creator FROM invites
               WHERE coalesce(server, 0) = $1 AND code = $2 AND NOT revoked";
    let scope = server.map_or(0, ServerId::get);
    reads.find(sql, &[&scope, &code]).await
}

/// Makes a code useless.
pub(crate) async fn revoke_invite(
    writes: &mut Writes<'_>,
    code: &str,
) -> Result<usize, StoreError> {
    let sql = "UPDATE invites SET revoked = true WHERE code = $1 RETURNING code";
    writes.execute(sql, &[&code]).await
}
