//! Sessions of accounts.

use shared::ids::{SessionId, UserId};
use tokio_postgres::types::Type;

use super::Writer;
use crate::error::Error;

/// A session that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) token_hash: &'a [u8],
    pub(crate) device: &'a str,
    pub(crate) nonce: &'a str,
}

impl Writer {
    /// Opens a session. A repeated sign-in gets the session of the first one,
    /// with the new token. Answers with the session's id and whether it is new.
    pub(crate) async fn insert_session(
        &self,
        session: &NewSession<'_>,
    ) -> Result<(SessionId, bool), Error> {
        let rows = self
            .rows(
                "INSERT INTO sessions (id, account, token_hash, device, nonce) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (account, nonce) DO UPDATE SET token_hash = excluded.token_hash RETURNING id",
                &[
                    (&session.id.sql(), Type::INT8),
                    (&session.user.sql(), Type::INT8),
                    (&session.token_hash, Type::BYTEA),
                    (&session.device, Type::TEXT),
                    (&session.nonce, Type::TEXT),
                ],
            )
            .await?;
        let row = rows.first().ok_or(crate::error::StoreError::Inconsistency(
            "session was not inserted",
        ))?;
        let id: SessionId = row.try_get::<_, i64>(0)?.try_into()?;
        Ok((id, id == session.id))
    }

    /// Ends a session of the account; `false` when it has no such session.
    pub(crate) async fn delete_session(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<bool, Error> {
        let deleted = self
            .write(
                "DELETE FROM sessions WHERE account = $1 AND id = $2 RETURNING id",
                &[(&user.sql(), Type::INT8), (&session.sql(), Type::INT8)],
            )
            .await?;
        Ok(deleted == 1)
    }

    /// Ends the oldest sessions beyond the newest `keep`; answers which.
    pub(crate) async fn delete_oldest_sessions(
        &self,
        user: UserId,
        keep: i64,
    ) -> Result<Vec<SessionId>, Error> {
        let rows = self
            .rows(
                "DELETE FROM sessions WHERE id IN
                    (SELECT id FROM sessions WHERE account = $1 ORDER BY id DESC OFFSET $2) RETURNING id",
                &[(&user.sql(), Type::INT8), (&keep, Type::INT8)],
            )
            .await?;
        rows.iter()
            .map(|row| Ok(row.try_get::<_, i64>(0)?.try_into()?))
            .collect()
    }
}
