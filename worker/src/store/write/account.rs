//! Accounts and the deployment's own row.

use shared::{
    domain::content::DELETED_NAME,
    ids::UserId,
    protocol::{
        account::SignUp,
        admin::OperateAccount,
        user::{Profile, User},
    },
};

use super::{Reads, Writes};
use crate::{error::StoreError, store::values::Parameter};

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

/// Does what an operator asks for; answers whether there is such an account.
pub(crate) async fn operate_account(
    writes: &mut Writes<'_>,
    asked: &OperateAccount,
) -> Result<usize, StoreError> {
    let sql = "UPDATE accounts SET admin = coalesce($2, admin),
                   password_hash = coalesce($3, password_hash), disabled = coalesce($4, disabled)
               WHERE id = $1 AND NOT deleted AND ($3 IS NULL OR NOT guest) RETURNING id";
    let parameters: [&dyn Parameter; 4] = [
        &asked.user_id,
        &asked.admin,
        &asked.password_hash,
        &asked.disabled,
    ];
    writes.execute(sql, &parameters).await
}

/// Whether an account is still the one whose password was `verified`: it was not deleted, and its
/// hash was not replaced. Without a hash only the first is asked.
pub(crate) async fn is_signed_in(
    reads: Reads<'_>,
    user: UserId,
    verified: Option<&str>,
) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM accounts
               WHERE id = $1 AND NOT deleted AND ($2::text IS NULL OR password_hash = $2)";
    Ok(reads.count(sql, &[&user, &verified]).await? > 0)
}

/// Whether nobody can sign in to an account.
pub(crate) async fn is_disabled(reads: Reads<'_>, user: UserId) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM accounts WHERE id = $1 AND disabled";
    Ok(reads.count(sql, &[&user]).await? > 0)
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

/// The account with what it says of itself.
pub(crate) async fn find_profile(
    reads: Reads<'_>,
    user: UserId,
) -> Result<Option<Profile>, StoreError> {
    let sql = "SELECT id, name, guest, admin, avatar, deleted, bio, locale
               FROM accounts WHERE id = $1";
    reads.find(sql, &[&user]).await
}

/// Changes what an account says of itself; `false` when another one has the name. Two lanes that
/// want the same name wait for each other here, and the second one is tried again.
pub(crate) async fn update_profile(
    writes: &mut Writes<'_>,
    profile: &Profile,
    folded: &str,
) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET name = $2, folded = $3, avatar = $4, bio = $5, locale = $6
               WHERE id = $1 AND NOT deleted
                   AND NOT EXISTS (SELECT FROM accounts o WHERE o.folded = $3 AND o.id <> $1)
               RETURNING id";
    let Profile { user, bio, locale } = profile;
    let changed = writes
        .execute(
            sql,
            &[
                &user.user_id,
                &user.name,
                &folded,
                &user.avatar,
                bio,
                locale,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Whether a name was given up by another account a short time ago. Asked after the name was
/// written: who gave it up meanwhile held the row of the index.
pub(crate) async fn is_name_held(
    reads: Reads<'_>,
    folded: &str,
    (user, now_ms): (UserId, u64),
) -> Result<bool, StoreError> {
    let sql = "SELECT until FROM held_names
               WHERE folded = $1 AND until > $3 AND account IS DISTINCT FROM $2";
    Ok(reads.count(sql, &[&folded, &user, &now_ms]).await? > 0)
}

/// How many names are held for an account.
pub(crate) async fn count_held_names(
    reads: Reads<'_>,
    (user, now_ms): (UserId, u64),
) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM held_names WHERE account = $1 AND until > $2";
    let count: Option<i64> = reads.find(sql, &[&user, &now_ms]).await?;
    Ok(count.unwrap_or(0))
}

/// Keeps a name that an account gives up from all others until a time, in milliseconds.
pub(crate) async fn hold_name(
    writes: &mut Writes<'_>,
    folded: &str,
    (user, until): (UserId, u64),
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO held_names (folded, account, until) VALUES ($1, $2, $3)
               ON CONFLICT (folded) DO UPDATE
                   SET account = excluded.account, until = excluded.until
               RETURNING 1";
    writes.execute(sql, &[&folded, &user, &until]).await
}

/// The names that are held for an account are nobody's from now on: it is deleted.
pub(crate) async fn orphan_names(
    writes: &mut Writes<'_>,
    user: UserId,
) -> Result<usize, StoreError> {
    let sql = "UPDATE held_names SET account = NULL WHERE account = $1 RETURNING 1";
    writes.execute(sql, &[&user]).await
}

/// Replaces the hash of a password, if it is still the one that was verified and `nonce` did not
/// replace it already.
pub(crate) async fn replace_password(
    writes: &mut Writes<'_>,
    user: UserId,
    nonce: &str,
    new: &str,
    old: &str,
) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET password_hash = $3, password_nonce = $2
               WHERE id = $1 AND password_hash = $4 AND password_nonce IS DISTINCT FROM $2
               RETURNING id";
    Ok(writes.execute(sql, &[&user, &nonce, &new, &old]).await? == 1)
}

/// Whether a request with this nonce gave the account the password that it has.
pub(crate) async fn has_password_of(
    reads: Reads<'_>,
    user: UserId,
    nonce: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM accounts WHERE id = $1 AND password_nonce = $2";
    Ok(reads.count(sql, &[&user, &nonce]).await? == 1)
}

/// Makes a guest an account with a name and a password; `false` when another one has the name.
/// Its `nonce` is that of the request.
pub(crate) async fn upgrade_guest(
    writes: &mut Writes<'_>,
    account: &NewAccount<'_>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET name = $2, folded = $3, password_hash = $4, password_nonce = $6,
                                   guest = false, admin = $5
               WHERE id = $1 AND guest
                   AND NOT EXISTS (SELECT FROM accounts o WHERE o.folded = $3 AND o.id <> $1)
               RETURNING id";
    let NewAccount {
        id,
        name,
        folded,
        password_hash,
        admin,
        nonce,
    } = account;
    let changed = writes
        .execute(sql, &[id, name, folded, password_hash, admin, nonce])
        .await?;
    Ok(changed == 1)
}

/// Leaves nothing of an account but its id and that it was deleted, and frees its name: no name
/// has a colon. `false` when it was deleted before, or its password is another one by now.
pub(crate) async fn bury_account(
    writes: &mut Writes<'_>,
    user: UserId,
    password_hash: Option<&str>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET name = $3, folded = ':' || id, nonce = '',
                                   password_hash = NULL, password_nonce = NULL, guest = false,
                                   avatar = '', bio = '', locale = '', deleted = true
               WHERE id = $1 AND NOT deleted AND password_hash IS NOT DISTINCT FROM $2
               RETURNING id";
    let changed = writes
        .execute(sql, &[&user, &password_hash, &DELETED_NAME])
        .await?;
    Ok(changed == 1)
}
