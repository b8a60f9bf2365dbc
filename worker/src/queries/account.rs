//! Signing up and in: the slow part, before the lane of the account decides.

use shared::{
    domain::{content, limits::RateLimit},
    error::{Reason, Refusal},
    ids::{Partition, UserId},
    protocol::{
        Forward, Handler, Prepare, Request as _,
        account::{
            Authenticate, CreateAccount, CreateUser, Identity, JoinAsGuest, LogIn, OpenSession,
            SignUp,
        },
    },
};

use super::{context::QueryContext, deployment::read_deployment, invite};
use crate::{
    error::Error,
    limiter::Subject,
    store::read::{self, SignInRow},
    token,
};

/// The longest name of a device, in characters.
const MAX_DEVICE_CHARS: usize = 100;
/// What a device is called that does not say.
const UNKNOWN_DEVICE: &str = "unknown device";
/// A guest has no password: a repeat of the nonce gets the account, so it
/// must not be one that somebody else may choose.
const MIN_GUEST_NONCE_BYTES: usize = 16;

impl Handler<QueryContext> for Authenticate {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Identity, Error> {
        // Who has a token is limited by it, not by what others of his address try. The
        // account pays nothing: its session may have ended.
        let Some(claim) = ctx.deps().keys.check_token(&self.token) else {
            let subject = ctx.address_for(Self::ROW.opcode);
            ctx.draw(RateLimit::SignIn, subject).await?;
            return Err(Reason::Unauthenticated.into());
        };
        let subject = Subject::Session(claim.session);
        ctx.draw(RateLimit::Read, subject).await?;
        let hash = token::hash_token(&self.token);
        let found = read::account::find_identity(ctx.snapshot().await?, &hash).await?;
        let (session_id, user) = found.ok_or(Reason::Unauthenticated)?;
        Ok(Identity { user, session_id })
    }
}

impl Prepare<QueryContext> for CreateAccount {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        content::check_nonce(&self.nonce)?;
        let name = content::check_new_name(&self.name)?.to_owned();
        content::check_password(&self.password)?;
        let folded = content::fold_name(&name);
        let account = read::account::find_sign_in(ctx.snapshot().await?, &folded).await?;
        let taken = account.is_some();
        if let Some(account) = account
            && is_repeat(&self, &account, ctx).await?
        {
            let device = self.device.as_deref();
            let verified = account.password_hash;
            return Ok(open_session(self.nonce, account.user, verified, device));
        }
        // Who may not sign up at all is not told which names there are.
        let (invite, invite_required) = check_sign_up(ctx, self.invite.as_deref()).await?;
        if taken {
            return Err(Reason::NameTaken.into());
        }
        ctx.release().await;
        let hash = ctx.deps().hasher.hash(self.password).await?;
        let create = CreateUser {
            nonce: self.nonce,
            name: Some(name),
            password_hash: Some(hash),
            invite,
            invite_required,
            device: device_name(self.device.as_deref()),
        };
        let partition = Partition::of_hash(folded.as_bytes());
        Ok(Forward::to(partition, 0, &create))
    }
}

/// The name exists: whether this is the very sign-up that it came from, again.
async fn is_repeat(
    request: &CreateAccount,
    account: &SignInRow,
    ctx: &mut QueryContext,
) -> Result<bool, Error> {
    if account.nonce != request.nonce {
        return Ok(false);
    }
    ctx.release().await;
    let (password, hash) = (request.password.clone(), account.password_hash.clone());
    ctx.deps().hasher.verify(password, hash).await
}

/// What the policy asks of a new account: the code to redeem, and whether one is
/// needed. The lane decides under its row lock; refusing here what cannot
/// succeed any more saves the work of a hash. The very first account needs none.
pub(super) async fn check_sign_up(
    ctx: &mut QueryContext,
    code: Option<&str>,
) -> Result<(Option<String>, bool), Error> {
    let deployment = read_deployment(ctx).await?;
    let (policy, first) = (deployment.signup, deployment.empty);
    match (policy, code) {
        (SignUp::Open, _) => Ok((None, false)),
        // Without a code that could be accepted, only the first account gets in.
        _ if first => Ok((
            code.map(str::to_owned).filter(|_| policy == SignUp::Invite),
            true,
        )),
        (SignUp::Invite, None) => Err(Reason::InviteRequired.into()),
        (SignUp::Invite, Some(code)) => {
            invite::check_opening(ctx, code).await?;
            Ok((Some(code.to_owned()), true))
        }
        (SignUp::Closed, _) => Err(Reason::Forbidden.into()),
    }
}

impl Prepare<QueryContext> for LogIn {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        content::check_nonce(&self.nonce)?;
        content::check_password(&self.password)?;
        // An address that fails too often is kept away from this name, and no other: nobody is
        // locked out of his account by what others try from elsewhere.
        let folded = content::check_account_name(&self.name).map(content::fold_name);
        let name = ctx.at_this_address(folded.as_deref().unwrap_or_default());
        let address = ctx.address_for(Self::ROW.opcode);
        if let Err(refusal) = ctx.draw(RateLimit::SignIn, name).await {
            // It costs no hash, so it takes nothing from his neighbours.
            ctx.give_back(RateLimit::SignIn, address).await;
            return Err(refusal.into());
        }
        let account = match &folded {
            Ok(folded) => read::account::find_sign_in(ctx.snapshot().await?, folded).await?,
            // Nobody can have this name.
            Err(_) => None,
        };
        ctx.release().await;
        let (user, hash) = account
            .map(|account| (account.user, account.password_hash))
            .unzip();
        // A name that does not exist costs the same work as a wrong password.
        let hash = hash.flatten();
        let verified = ctx.deps().hasher.verify(self.password, hash.clone());
        let verified = match verified.await {
            Ok(verified) => verified,
            Err(error) => {
                // Nobody tried this password: it counts as no failure.
                ctx.give_back(RateLimit::SignIn, name).await;
                ctx.give_back(RateLimit::SignIn, address).await;
                return Err(error);
            }
        };
        match (verified, user) {
            (true, Some(user)) => {
                ctx.signed_in(user, [name, address]).await;
                Ok(open_session(self.nonce, user, hash, self.device.as_deref()))
            }
            _ => Err(Reason::WrongCredentials.into()),
        }
    }
}

impl Prepare<QueryContext> for JoinAsGuest {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        content::check_nonce(&self.nonce)?;
        if self.nonce.len() < MIN_GUEST_NONCE_BYTES {
            return Err(Refusal::field(Reason::Invalid, "nonce").into());
        }
        if !read_deployment(ctx).await?.guests {
            return Err(Reason::Forbidden.into());
        }
        let partition = Partition::of_hash(self.nonce.as_bytes());
        let create = CreateUser {
            nonce: self.nonce,
            name: None,
            password_hash: None,
            invite: None,
            invite_required: false,
            device: device_name(self.device.as_deref()),
        };
        Ok(Forward::to(partition, 0, &create))
    }
}

/// Leaves the rest to the account's lane, which opens no session if the hash that was `verified`
/// was replaced meanwhile.
fn open_session(
    nonce: String,
    user: UserId,
    verified: Option<String>,
    name: Option<&str>,
) -> Forward {
    let open = OpenSession {
        nonce,
        user_id: user,
        device: device_name(name),
        verified,
    };
    Forward::to(user.partition(), 0, &open)
}

/// What a device is called: one line, not too long.
fn device_name(name: Option<&str>) -> String {
    let name: String = name
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_DEVICE_CHARS)
        .collect();
    if name.is_empty() {
        UNKNOWN_DEVICE.to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_one_short_line() {
        assert_eq!(device_name(None), UNKNOWN_DEVICE);
        assert_eq!(device_name(Some(" \n\0 ")), UNKNOWN_DEVICE);
        assert_eq!(device_name(Some(" my\nphone ")), "myphone");
        assert_eq!(device_name(Some(&"ü".repeat(300))).chars().count(), 100);
    }
}
