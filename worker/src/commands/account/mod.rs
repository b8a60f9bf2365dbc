//! Accounts: the lane's part of signing up and in, and signing out.

mod export;
mod profile;

use shared::{
    domain::content,
    error::{Reason, Refusal},
    ids::{SessionId, UserId},
    keys::ClusterKeys,
    protocol::{
        Handler,
        account::{
            CreateUser, LogOut, OpenSession, RenameDeployment, SessionOpened, SetSignUpPolicy,
            SignedIn,
        },
        session::SessionInfo,
        user::User,
    },
};

use super::session;
use crate::{
    error::Error,
    store::write::{
        self,
        account::NewAccount,
        session::{FirstSession, NewSession},
    },
    token,
    transaction::Context,
};

/// How long a sign-in may be repeated, in milliseconds: a day. After that its nonce is
/// no proof of anything.
const REPEAT_MS: u64 = 86_400_000;
/// Sessions of one account, at most: the oldest makes room for the newest.
const MAX_SESSIONS: i64 = 50;

impl Handler<Context<'_>> for LogOut {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let session = ctx.caller()?.session;
        session::close_session(ctx, session).await
    }
}

impl Handler<Context<'_>> for SetSignUpPolicy {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let mut writes = ctx.write().await?;
        write::account::set_policy(&mut writes, self.signup, self.guests).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for RenameDeployment {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let name = content::check_title(&self.name, "name")?;
        write::account::rename_deployment(&mut ctx.write().await?, name).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for CreateUser {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<SignedIn, Error> {
        let Self {
            nonce,
            name,
            password_hash,
            invite,
            invite_required,
            device,
        } = self;
        if name.is_none()
            && let Some(user) = write::account::find_guest(ctx.read().await?, &nonce).await?
        {
            // A guest has no name to be found by: the nonce finds the first result.
            ctx.require(is_recent(ctx, user.created_ms()), Reason::NonceReused)?;
            return open_session(ctx, user, &nonce, device).await;
        }
        if name.is_none() {
            let most = ctx.caps().guests;
            let full = write::account::has_guests(ctx.read().await?, most).await?;
            ctx.require(!full, Reason::LimitReached)?;
        }
        let id: UserId = ctx.next_id()?;
        let name = name.unwrap_or_else(|| format!("guest-{id}"));
        // A guest cannot administer, so the first account is one with a password.
        let admin = password_hash.is_some()
            && write::account::claim_deployment(&mut ctx.write().await?, id).await?;
        if !admin && invite_required {
            let code = invite
                .as_deref()
                .ok_or(Refusal::from(Reason::InviteRequired))?;
            let opened = write::invite::open_account(&mut ctx.write().await?, code, id).await?;
            ctx.require(opened, Reason::UnknownInvite)?;
        }
        let new = NewAccount {
            id,
            name: &name,
            folded: &content::fold_name(&name),
            password_hash: password_hash.as_deref(),
            admin,
            nonce: &nonce,
        };
        if !write::account::insert_account(&mut ctx.write().await?, &new).await? {
            // A repeat that overtook its first attempt: the next one finds the
            // account, and then the password is verified.
            let repeat =
                write::account::signed_up_with(ctx.read().await?, new.folded, &nonce).await?;
            return Err(if repeat {
                Reason::Unknown
            } else {
                Reason::NameTaken
            }
            .into());
        }
        profile::check_name_is_free(ctx, new.folded, id).await?;
        write::event::create_topic(&mut ctx.write().await?, id.get()).await?;
        open_session(ctx, id, &nonce, device).await
    }
}

impl Handler<Context<'_>> for OpenSession {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<SignedIn, Error> {
        let home = self.user_id.partition() == ctx.partition();
        ctx.require(home, Reason::Malformed)?;
        let (reads, verified) = (ctx.read().await?, self.verified.as_deref());
        let valid = write::account::is_signed_in(reads, self.user_id, verified).await?;
        ctx.require(valid, Reason::WrongCredentials)?;
        open_session(ctx, self.user_id, &self.nonce, self.device).await
    }
}

async fn open_session(
    ctx: &mut Context<'_>,
    user_id: UserId,
    nonce: &str,
    device: String,
) -> Result<SignedIn, Error> {
    let user: Option<User> = write::server::find_user(ctx.read().await?, user_id).await?;
    let user = user.ok_or(Refusal::from(Reason::WrongCredentials))?;
    let disabled = write::account::is_disabled(ctx.read().await?, user_id).await?;
    if disabled {
        return Err(Refusal::field(Reason::Forbidden, "disabled").into());
    }
    let first = write::session::find_session(ctx.read().await?, user_id, nonce).await?;
    #[cfg(feature = "sabotage")]
    let first = match first {
        Some(first) if crate::sabotage::replaces_token() => {
            write::session::delete_session(&mut ctx.write().await?, user_id, first.id).await?;
            None
        }
        first => first,
    };
    if let Some(first) = first {
        let (token, session_id) = repeat_session(ctx, user_id, &first, &device)?;
        return Ok(SignedIn {
            token,
            user,
            session_id,
        });
    }
    let session_id: SessionId = ctx.next_id()?;
    let salt = ClusterKeys::draw_salt().map_err(|error| Error::Internal(error.to_string()))?;
    let token = ctx.keys().sign_token(user_id, session_id, salt);
    let session = NewSession {
        id: session_id,
        user: user_id,
        token_hash: &token::hash_token(&token),
        salt: &salt,
        device: &device,
        nonce,
    };
    write::session::insert_session(&mut ctx.write().await?, &session).await?;
    let closed =
        write::session::delete_oldest_sessions(&mut ctx.write().await?, user_id, MAX_SESSIONS)
            .await?;
    for session in closed {
        session::announce_closed(ctx, user_id, session);
    }
    ctx.emit_to(
        user_id,
        None,
        &SessionOpened {
            session: SessionInfo { session_id, device },
        },
    );
    Ok(SignedIn {
        token,
        user,
        session_id,
    })
}

/// The token of the first answer. It is stored nowhere, but made again: so whichever of
/// several attempts is executed last, the token that the client got stays good. What is
/// no attempt of the same sign-in gets nothing.
fn repeat_session(
    ctx: &Context<'_>,
    user: UserId,
    first: &FirstSession,
    device: &str,
) -> Result<(String, SessionId), Error> {
    let token = first.salt.as_slice().try_into().ok().and_then(|salt| {
        let mut tokens = ctx.keys().sign_tokens(user, first.id, salt);
        tokens.find(|token| token::hash_token(token)[..] == first.token_hash[..])
    });
    match token {
        Some(token) if first.device == device && is_recent(ctx, first.id.created_ms()) => {
            Ok((token, first.id))
        }
        // Its key is none of the cluster's any more, too, so the session is lost anyway.
        _ => Err(Reason::NonceReused.into()),
    }
}

const fn is_recent(ctx: &Context<'_>, created_ms: u64) -> bool {
    ctx.now_ms().saturating_sub(created_ms) < REPEAT_MS
}
