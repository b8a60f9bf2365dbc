//! What needs the password of an account, before its lane decides: to change it, to give a guest
//! one, and to delete the account.

use shared::{
    domain::{content, limits::RateLimit},
    error::{Reason, Refusal},
    protocol::{
        Forward, Prepare,
        account::{
            ChangePassword, DeleteAccount, RegisterGuest, RemoveAccount, ReplacePassword,
            UpgradeGuest,
        },
    },
};

use super::{account::check_sign_up, context::QueryContext};
use crate::{
    error::Error,
    limiter::Subject,
    store::read::{self, account::PasswordRow},
};

impl Prepare<QueryContext> for ChangePassword {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        content::check_nonce(&self.nonce)?;
        content::check_password(&self.password)?;
        content::check_password(&self.new_password)
            .map_err(|refusal| Refusal::field(refusal.reason, "new_password"))?;
        let user = ctx.caller()?.user;
        let row = read_password(ctx).await?;
        // A repeat comes after the change: it knows the new password, and the lane its nonce.
        let repeat = row.nonce.as_deref() == Some(&self.nonce);
        let shown = if repeat {
            &self.new_password
        } else {
            &self.password
        };
        let replaced_hash = verify(ctx, shown, row.hash).await?;
        let password_hash = if repeat {
            replaced_hash.clone()
        } else {
            ctx.deps().hasher.hash(self.new_password).await?
        };
        let replace = ReplacePassword {
            nonce: self.nonce,
            password_hash,
            replaced_hash,
            end_others: self.end_others,
        };
        Ok(Forward::to(user.partition(), 0, &replace))
    }
}

impl Prepare<QueryContext> for RegisterGuest {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        content::check_nonce(&self.nonce)?;
        let name = content::check_new_name(&self.name)?.to_owned();
        content::check_password(&self.password)?;
        let (user, folded) = (ctx.caller()?.user, content::fold_name(&name));
        let row = read_password(ctx).await?;
        if !row.guest {
            let repeat = row.nonce.as_deref() == Some(&self.nonce) && row.folded == folded;
            if !repeat {
                return Err(Reason::Forbidden.into());
            }
            let password_hash = verify(ctx, &self.password, row.hash).await?;
            let again = UpgradeGuest {
                nonce: self.nonce,
                name,
                password_hash,
                invite: None,
                invite_required: false,
            };
            return Ok(Forward::to(user.partition(), 0, &again));
        }
        // Who may not sign up at all is not told which names there are.
        let (invite, invite_required) = check_sign_up(ctx, self.invite.as_deref()).await?;
        let taken = read::account::find_sign_in(ctx.snapshot().await?, &folded).await?;
        if taken.is_some() {
            return Err(Reason::NameTaken.into());
        }
        ctx.release().await;
        let password_hash = ctx.deps().hasher.hash(self.password).await?;
        let upgrade = UpgradeGuest {
            nonce: self.nonce,
            name,
            password_hash,
            invite,
            invite_required,
        };
        Ok(Forward::to(user.partition(), 0, &upgrade))
    }
}

impl Prepare<QueryContext> for DeleteAccount {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        content::check_nonce(&self.nonce)?;
        let user = ctx.caller()?.user;
        let row = read_password(ctx).await?;
        let password_hash = if row.guest {
            None
        } else {
            let password = self.password.unwrap_or_default();
            content::check_password(&password)?;
            Some(verify(ctx, &password, row.hash).await?)
        };
        let remove = RemoveAccount {
            nonce: self.nonce,
            password_hash,
        };
        Ok(Forward::to(user.partition(), 0, &remove))
    }
}

/// What the caller is verified by. Each try counts for the account, from wherever it comes: who
/// got hold of a session is not to find the password with it.
async fn read_password(ctx: &mut QueryContext) -> Result<PasswordRow, Error> {
    let user = ctx.caller()?.user;
    ctx.draw(RateLimit::SignIn, Subject::Account(user)).await?;
    let found = read::account::find_password(ctx.snapshot().await?, user).await?;
    found.ok_or_else(|| Reason::Unauthenticated.into())
}

/// The hash, if the password belongs to it. A guest has none.
async fn verify(
    ctx: &mut QueryContext,
    password: &str,
    hash: Option<String>,
) -> Result<String, Error> {
    ctx.release().await;
    let verified = ctx.deps().hasher.verify(password.to_owned(), hash.clone());
    match (verified.await?, hash) {
        (true, Some(hash)) => Ok(hash),
        _ => Err(Reason::WrongCredentials.into()),
    }
}
