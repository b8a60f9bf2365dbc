//! Accounts and the deployment.

use shared::{
    ids::{SessionId, UserId},
    protocol::user::User,
};

use super::{Snapshot, id};
use crate::error::StoreError;

/// What signing in needs of an account.
pub(crate) struct SignInRow {
    /// The account.
    pub(crate) user: UserId,
    /// None for guests.
    pub(crate) password_hash: Option<String>,
    /// The nonce of the sign-up.
    pub(crate) nonce: String,
}

pub(super) type UserRow = (i64, String, bool, bool);

/// An account as others see it.
pub(super) fn user((user, name, guest, admin): UserRow) -> Result<User, StoreError> {
    Ok(User {
        user_id: id(user)?,
        name,
        guest,
        admin,
    })
}

/// The account with this folded name.
pub(crate) async fn find_sign_in(
    snapshot: &mut Snapshot,
    folded: &str,
) -> Result<Option<SignInRow>, StoreError> {
    let row: Option<(i64, Option<String>, String)> =
        sqlx::query_as("SELECT id, password_hash, nonce FROM accounts WHERE folded = $1")
            .bind(folded)
            .fetch_optional(&mut *snapshot.transaction)
            .await?;
    row.map(|(user, password_hash, nonce)| {
        Ok(SignInRow {
            user: id(user)?,
            password_hash,
            nonce,
        })
    })
    .transpose()
}

/// Whose session has a token with this hash.
pub(crate) async fn find_identity(
    snapshot: &mut Snapshot,
    token_hash: &[u8],
) -> Result<Option<(SessionId, User)>, StoreError> {
    let row: Option<(i64, i64, String, bool, bool)> = sqlx::query_as(
        "SELECT s.id, a.id, a.name, a.guest, a.admin
         FROM sessions s JOIN accounts a ON a.id = s.account
         WHERE s.token_hash = $1",
    )
    .bind(token_hash)
    .fetch_optional(&mut *snapshot.transaction)
    .await?;
    row.map(|(session, account, name, guest, admin)| {
        Ok((id(session)?, user((account, name, guest, admin))?))
    })
    .transpose()
}

/// Whether the account administers the deployment.
pub(crate) async fn is_admin(snapshot: &mut Snapshot, account: UserId) -> Result<bool, StoreError> {
    let admin: Option<bool> = sqlx::query_scalar("SELECT admin FROM accounts WHERE id = $1")
        .bind(account.sql())
        .fetch_optional(&mut *snapshot.transaction)
        .await?;
    Ok(admin.unwrap_or(false))
}

/// Whether the deployment has its first account already.
pub(crate) async fn has_first_account(snapshot: &mut Snapshot) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT first_account IS NOT NULL FROM deployment")
            .fetch_one(&mut *snapshot.transaction)
            .await?,
    )
}
