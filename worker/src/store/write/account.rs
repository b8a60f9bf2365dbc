//! Accounts and the deployment's own row.

use shared::ids::UserId;
use tokio_postgres::types::Type;

use super::{Reads, Writes};
use crate::error::Error;

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
pub(crate) async fn claim_deployment(writes: &mut Writes<'_>, user: UserId) -> Result<bool, Error> {
    let claimed = writes
        .execute(
            "UPDATE deployment SET first_account = $1 WHERE first_account IS NULL RETURNING id",
            &[(&user.sql(), Type::INT8)],
        )
        .await?;
    Ok(claimed == 1)
}

/// Stores an account; `false` when another one has the name. Two lanes that
/// insert the same name wait for each other here.
pub(crate) async fn insert_account(
    writes: &mut Writes<'_>,
    account: &NewAccount<'_>,
) -> Result<bool, Error> {
    let inserted = writes
        .execute(
            "INSERT INTO accounts (id, name, folded, password_hash, guest, admin, nonce)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (folded) DO NOTHING RETURNING id",
            &[
                (&account.id.sql(), Type::INT8),
                (&account.name, Type::TEXT),
                (&account.folded, Type::TEXT),
                (&account.password_hash, Type::TEXT),
                (&account.password_hash.is_none(), Type::BOOL),
                (&account.admin, Type::BOOL),
                (&account.nonce, Type::TEXT),
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
) -> Result<bool, Error> {
    let rows = reads
        .rows(
            "SELECT id FROM accounts WHERE folded = $1 AND nonce = $2",
            &[(&folded, Type::TEXT), (&nonce, Type::TEXT)],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Whether there are as many guests as there may be.
pub(crate) async fn has_guests(reads: Reads<'_>, most: u32) -> Result<bool, Error> {
    let rows = reads
        .rows(
            "SELECT count(*) FROM (SELECT FROM accounts WHERE guest LIMIT $1) found",
            &[(&i64::from(most), Type::INT8)],
        )
        .await?;
    let count: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(count.is_some_and(|count| count >= i64::from(most)))
}

/// The guest that this nonce created in this partition's range of names.
pub(crate) async fn find_guest(reads: Reads<'_>, nonce: &str) -> Result<Option<UserId>, Error> {
    let rows = reads
        .rows(
            "SELECT id FROM accounts WHERE nonce = $1 AND guest",
            &[(&nonce, Type::TEXT)],
        )
        .await?;
    rows.first()
        .map(|row| Ok(row.try_get::<_, i64>(0)?.try_into()?))
        .transpose()
}
