//! Accounts and the deployment's own row.

use shared::{
    ids::UserId,
    protocol::{account::SignUp, user::User},
};

use super::{Reads, Writes};
use crate::error::StoreError;

/// An account that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewAccount<'a> {
    pub(crate) id: UserId,
    pub(crate) name: &'a str,
    pub(crate) folded: &'a str,
    pub(crate) password_hash: Option<&'a str>,
    pub(crate) admin: bool,
    pub(crate) nonce: &'a str,
}

/// Makes `user` the first account of the deployment, if there is none. The
/// row lock keeps two first sign-ups in two lanes from both winning.
pub(crate) async fn claim_deployment(
    writes: &mut Writes<'_>,
    user: UserId,
) -> Result<bool, StoreError> {
    let sql = "UPDATE deployment SET first_account = $1 WHERE first_account IS NULL RETURNING id";
    Ok(writes.execute(sql, &[&user]).await? == 1)
}

/// Says who may sign up; what is absent stays.
pub(crate) async fn set_policy(
    writes: &mut Writes<'_>,
    signup: Option<SignUp>,
    guests: Option<bool>,
) -> Result<usize, StoreError> {
    let sql = "UPDATE deployment SET signup = coalesce($1, signup), guests = coalesce($2, guests)
               RETURNING id::int";
    writes.execute(sql, &[&signup, &guests]).await
}

/// Names the deployment.
pub(crate) async fn rename_deployment(
    writes: &mut Writes<'_>,
    name: &str,
) -> Result<usize, StoreError> {
    let sql = "UPDATE deployment SET name = $1 RETURNING id::int";
    writes.execute(sql, &[&name]).await
}

/// The account, unless it was deleted. It stays what it is until this transaction ends: who is to
/// become something in a server must not vanish meanwhile, nor his name get into its log behind
/// his back.
pub(crate) async fn lock_user(reads: Reads<'_>, user: UserId) -> Result<Option<User>, StoreError> {
    let sql = "SELECT id, name, guest, admin, avatar, deleted FROM accounts
               WHERE id = $1 AND NOT deleted FOR SHARE";
    reads.find(sql, &[&user]).await
}

/// Stores an account; `false` when another one has the name. Two lanes that
/// insert the same name wait for each other here.
pub(crate) async fn insert_account(
    writes: &mut Writes<'_>,
    account: &NewAccount<'_>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO accounts (id, name, folded, password_hash, guest, admin, nonce)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (folded) DO NOTHING RETURNING id";
    let inserted = writes
        .execute(
            sql,
            &[
                &account.id,
                &account.name,
                &account.folded,
                &account.password_hash,
                &account.password_hash.is_none(),
                &account.admin,
                &account.nonce,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Whether the account of this name was made by a sign-up with this nonce.
pub(crate) async fn signed_up_with(
    reads: Reads<'_>,
    folded: &str,
    nonce: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM accounts WHERE folded = $1 AND nonce = $2";
    Ok(reads.count(sql, &[&folded, &nonce]).await? > 0)
}

/// Whether there are as many guests as there may be.
pub(crate) async fn has_guests(reads: Reads<'_>, most: u32) -> Result<bool, StoreError> {
    let most = i64::from(most);
    let sql = "SELECT count(*) FROM (SELECT FROM accounts WHERE guest LIMIT $1) found";
    let found: Option<i64> = reads.find(sql, &[&most]).await?;
    Ok(found.is_some_and(|count| count >= most))
}

/// The guest that this nonce created in this partition's range of names.
pub(crate) async fn find_guest(
    reads: Reads<'_>,
    nonce: &str,
) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT id FROM accounts WHERE nonce = $1 AND guest";
    reads.find(sql, &[&nonce]).await
}
