//! Sessions of accounts.

use shared::ids::{SessionId, UserId};

use super::{Reads, Writes};
use crate::{error::StoreError, store::values::columns};

/// A session that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) token_hash: &'a [u8],
    pub(crate) salt: &'a [u8],
    pub(crate) device: &'a str,
    pub(crate) nonce: &'a str,
}

/// What a repeated sign-in finds.
#[derive(Debug)]
pub(crate) struct FirstSession {
    pub(crate) id: SessionId,
    pub(crate) token_hash: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    pub(crate) device: String,
}

columns! { FirstSession { id, token_hash, salt, device } }

/// Stores a session; the account has none with this nonce.
pub(crate) async fn insert_session(
    writes: &mut Writes<'_>,
    session: &NewSession<'_>,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO sessions (id, account, token_hash, salt, device, nonce)
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    writes
        .execute(
            sql,
            &[
                &session.id,
                &session.user,
                &session.token_hash,
                &session.salt,
                &session.device,
                &session.nonce,
            ],
        )
        .await
}

/// The session that a sign-in with this nonce opened.
pub(crate) async fn find_session(
    reads: Reads<'_>,
    user: UserId,
    nonce: &str,
) -> Result<Option<FirstSession>, StoreError> {
    let sql = "SELECT id, token_hash, salt, device FROM sessions WHERE account = $1 AND nonce = $2";
    reads.find(sql, &[&user, &nonce]).await
}

/// Ends a session of the account; `false` when it has no such session.
pub(crate) async fn delete_session(
    writes: &mut Writes<'_>,
    user: UserId,
    session: SessionId,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM sessions WHERE account = $1 AND id = $2 RETURNING id";
    Ok(writes.execute(sql, &[&user, &session]).await? == 1)
}

/// Ends all sessions of the account but `keep`; answers which.
pub(crate) async fn delete_sessions(
    writes: &mut Writes<'_>,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<Vec<SessionId>, StoreError> {
    let sql = "DELETE FROM sessions WHERE account = $1 AND id IS DISTINCT FROM $2 RETURNING id";
    writes.list(sql, &[&user, &keep]).await
}

/// Ends the oldest sessions beyond the newest `keep`; answers which.
pub(crate) async fn delete_oldest_sessions(
    writes: &mut Writes<'_>,
    user: UserId,
    keep: i64,
) -> Result<Vec<SessionId>, StoreError> {
    let sql = "DELETE FROM sessions WHERE id IN
               (SELECT id FROM sessions WHERE account = $1 ORDER BY id DESC OFFSET $2) RETURNING id";
    writes.list(sql, &[&user, &keep]).await
}
