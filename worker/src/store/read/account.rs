//! Accounts and the deployment.

use shared::{
    ids::{SessionId, UserId},
    protocol::user::User,
};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

/// What signing in needs of an account.
pub(crate) struct SignInRow {
    /// The account.
    pub(crate) user: UserId,
    /// None for guests.
    pub(crate) password_hash: Option<String>,
    /// The nonce of the sign-up.
    pub(crate) nonce: String,
}

columns! { SignInRow { user, password_hash, nonce } }

/// The account with this folded name.
pub(crate) async fn find_sign_in(
    snapshot: &mut Snapshot,
    folded: &str,
) -> Result<Option<SignInRow>, StoreError> {
    let sql = "SELECT id, password_hash, nonce FROM accounts WHERE folded = $1";
    snapshot.find(sql, &[&folded]).await
}

/// Whose session has a token with this hash.
pub(crate) async fn find_identity(
    snapshot: &mut Snapshot,
    token_hash: &[u8],
) -> Result<Option<(SessionId, User)>, StoreError> {
    let sql = "SELECT s.id, a.id, a.name, a.guest, a.admin
               FROM sessions s JOIN accounts a ON a.id = s.account
               WHERE s.token_hash = $1";
    snapshot.find(sql, &[&token_hash]).await
}

/// Whether the account administers the deployment.
pub(crate) async fn is_admin(snapshot: &mut Snapshot, account: UserId) -> Result<bool, StoreError> {
    let sql = "SELECT admin FROM accounts WHERE id = $1";
    let found = snapshot.find(sql, &[&account]).await?;
    Ok(found.unwrap_or(false))
}

/// Whether the deployment has its first account already.
pub(crate) async fn has_first_account(snapshot: &mut Snapshot) -> Result<bool, StoreError> {
    let sql = "SELECT first_account IS NOT NULL FROM deployment";
    snapshot.get(sql, &[]).await
}
