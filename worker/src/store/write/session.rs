//! Sessions of accounts.

use shared::ids::{SessionId, UserId};
use tokio_postgres::types::Type;

use super::{Reads, Writes};
use crate::error::Error;

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

/// Stores a session; the account has none with this nonce.
pub(crate) async fn insert_session(
    writes: &mut Writes<'_>,
    session: &NewSession<'_>,
) -> Result<(), Error> {
    writes
        .execute(
            "INSERT INTO sessions (id, account, token_hash, salt, device, nonce)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            &[
                (&session.id.sql(), Type::INT8),
                (&session.user.sql(), Type::INT8),
                (&session.token_hash, Type::BYTEA),
                (&session.salt, Type::BYTEA),
                (&session.device, Type::TEXT),
                (&session.nonce, Type::TEXT),
            ],
        )
        .await?;
    Ok(())
}

/// The session that a sign-in with this nonce opened.
pub(crate) async fn find_session(
    reads: Reads<'_>,
    user: UserId,
    nonce: &str,
) -> Result<Option<FirstSession>, Error> {
    let rows = reads
        .rows(
            "SELECT id, token_hash, salt, device FROM sessions WHERE account = $1 AND nonce = $2",
            &[(&user.sql(), Type::INT8), (&nonce, Type::TEXT)],
        )
        .await?;
    rows.first()
        .map(|row| {
            Ok(FirstSession {
                id: row.try_get::<_, i64>(0)?.try_into()?,
                token_hash: row.try_get(1)?,
                salt: row.try_get(2)?,
                device: row.try_get(3)?,
            })
        })
        .transpose()
}

/// Ends a session of the account; `false` when it has no such session.
pub(crate) async fn delete_session(
    writes: &mut Writes<'_>,
    user: UserId,
    session: SessionId,
) -> Result<bool, Error> {
    let deleted = writes
        .execute(
            "DELETE FROM sessions WHERE account = $1 AND id = $2 RETURNING id",
            &[(&user.sql(), Type::INT8), (&session.sql(), Type::INT8)],
        )
        .await?;
    Ok(deleted == 1)
}

/// Ends the oldest sessions beyond the newest `keep`; answers which.
pub(crate) async fn delete_oldest_sessions(
    writes: &mut Writes<'_>,
    user: UserId,
    keep: i64,
) -> Result<Vec<SessionId>, Error> {
    let rows = writes.rows(
            "DELETE FROM sessions WHERE id IN
                (SELECT id FROM sessions WHERE account = $1 ORDER BY id DESC OFFSET $2) RETURNING id",
            &[(&user.sql(), Type::INT8), (&keep, Type::INT8)],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<_, i64>(0)?.try_into()?))
        .collect()
}
