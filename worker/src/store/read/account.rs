//! Accounts and the deployment.

use shared::{
    ids::{SessionId, UserId},
    protocol::{account::SignUp, user::User},
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

/// What an account is verified by.
pub(crate) struct PasswordRow {
    pub(crate) guest: bool,
    /// None for guests.
    pub(crate) hash: Option<String>,
    /// The nonce of the request that last gave it a password.
    pub(crate) nonce: Option<String>,
    pub(crate) folded: String,
}

columns! { PasswordRow { guest, hash, nonce, folded } }

/// What the account is verified by; none when it was deleted.
pub(crate) async fn find_password(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Option<PasswordRow>, StoreError> {
    let sql = "SELECT guest, password_hash, password_nonce, folded FROM accounts
               WHERE id = $1 AND NOT deleted";
    snapshot.find(sql, &[&account]).await
}

/// Whose session has a token with this hash.
pub(crate) async fn find_identity(
    snapshot: &mut Snapshot,
    token_hash: &[u8],
) -> Result<Option<(SessionId, User)>, StoreError> {
    let sql = "SELECT s.id, a.id, a.name, a.guest, a.admin, a.avatar, a.deleted
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

/// The deployment's own row.
pub(crate) struct DeploymentRow {
    pub(crate) name: String,
    /// Who may sign up; none as long as nobody said so at runtime.
    pub(crate) signup: Option<SignUp>,
    /// Whether there may be guests; none as long as nobody said so at runtime.
    pub(crate) guests: Option<bool>,
    /// Whether it has its first account already.
    pub(crate) has_first: bool,
}

columns! { DeploymentRow { name, signup, guests, has_first } }

/// The deployment.
pub(crate) async fn get_deployment(snapshot: &mut Snapshot) -> Result<DeploymentRow, StoreError> {
    let sql = "SELECT name, signup, guests, first_account IS NOT NULL FROM deployment";
    snapshot.get(sql, &[]).await
}
