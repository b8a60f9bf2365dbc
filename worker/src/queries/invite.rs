//! Invites: look at codes and who used them, redeem one.

use shared::{
    domain::{content, limits::MAX_PAGE, permissions::Permissions},
    error::{Reason, Refusal},
    ids::ServerId,
    protocol::{
        Forward, Handler, Prepare,
        account::SignUp,
        invite::{
            InvitePreview, InviteUses, Invites, JoinMember, ListInviteUses, ListInvites,
            PreviewInvite, RedeemInvite,
        },
        server::Server,
    },
};

use super::{context::QueryContext, deployment::read_deployment, page_limit};
use crate::{
    access::AccessFacts as _,
    error::Error,
    store::read::{self, InviteRow},
};

/// The longest code that is looked up.
const MAX_CODE_BYTES: usize = 64;

impl Handler<QueryContext> for PreviewInvite {
    async fn handle(self, ctx: &mut QueryContext) -> Result<InvitePreview, Error> {
        let now = ctx.deps().clock.now_ms();
        let invite = find_code(ctx, &self.code).await?;
        let user = ctx.caller().ok().map(|caller| caller.user);
        let opens = match user {
            _ if invite.is_valid(now) => true,
            // Whom the last use of a code gave an account is still to see what he is invited to.
            Some(user) if invite.is_kept(now) => {
                read::invite::may_still_join(ctx.snapshot().await?, &self.code, user).await?
            }
            _ => false,
        };
        if !opens {
            return Err(Reason::UnknownInvite.into());
        }
        let server = find_server(ctx, &invite).await?;
        let opens_account = match read_deployment(ctx).await?.signup {
            SignUp::Open => true,
            SignUp::Invite => invite.opens_account && invite.is_valid(now),
            SignUp::Closed => false,
        };
        Ok(InvitePreview {
            server,
            uses_left: invite.uses_left,
            expires_at: invite.expires_at,
            opens_account,
        })
    }
}

/// What a code opens, none for the deployment. A server that is gone is opened by nothing.
async fn find_server(ctx: &mut QueryContext, invite: &InviteRow) -> Result<Option<Server>, Error> {
    let Some(server) = invite.server else {
        return Ok(None);
    };
    let found = read::server::list_servers(ctx.snapshot().await?, &[server]).await?;
    let (server, _) = found.into_iter().next().ok_or(Reason::UnknownInvite)?;
    Ok(Some(server))
}

/// Refuses a code that opens no account where signing up needs one that does.
pub(super) async fn check_opening(ctx: &mut QueryContext, code: &str) -> Result<(), Error> {
    let now = ctx.deps().clock.now_ms();
    let invite = find_code(ctx, code).await?;
    if !invite.is_valid(now) {
        return Err(Reason::UnknownInvite.into());
    }
    find_server(ctx, &invite).await?;
    if !invite.opens_account {
        return Err(Refusal::field(Reason::InviteRequired, "administrator").into());
    }
    Ok(())
}

impl Prepare<QueryContext> for RedeemInvite {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        let user = ctx.caller()?.user;
        let now = ctx.deps().clock.now_ms();
        content::check_nonce(&self.nonce)?;
        let invite = find_code(ctx, &self.code).await?;
        let server = invite.server.ok_or(Reason::UnknownInvite)?;
        // A repeat of the redemption that used the code up must reach its lane,
        // which knows the nonce and decides.
        let forward = invite.is_valid(now)
            || read::invite::has_redeemed(ctx.snapshot().await?, &self.code, user).await?;
        if !forward {
            return Err(Reason::UnknownInvite.into());
        }
        let join = JoinMember {
            nonce: self.nonce,
            code: self.code,
        };
        Ok(Forward::to(server.partition(), server.get(), &join))
    }
}

/// The code, valid or not.
async fn find_code(ctx: &mut QueryContext, code: &str) -> Result<InviteRow, Error> {
    let ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if code.len() > MAX_CODE_BYTES || !code.bytes().all(ours) {
        return Err(Reason::UnknownInvite.into());
    }
    let invite = read::invite::find_invite(ctx.snapshot().await?, code).await?;
    invite.ok_or_else(|| Reason::UnknownInvite.into())
}

/// Whether the caller sees the codes of others, too. Those of the deployment are for its
/// administrator alone.
async fn sees_all(ctx: &mut QueryContext) -> Result<bool, Error> {
    if ctx.scope() == 0 {
        return Ok(true);
    }
    Ok(ctx.in_server().await?.contains(Permissions::MANAGE_SERVER))
}

impl Handler<QueryContext> for ListInvites {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Invites, Error> {
        let limit = page_limit(self.limit, MAX_PAGE)?;
        let creator = if sees_all(ctx).await? {
            None
        } else {
            Some(ctx.caller()?.user)
        };
        let (server, after) = (ServerId::new(ctx.scope()), self.after.unwrap_or_default());
        let snapshot = ctx.snapshot().await?;
        let invites = read::invite::list_invites(snapshot, server, creator, &after, limit).await?;
        Ok(Invites { invites })
    }
}

impl Handler<QueryContext> for ListInviteUses {
    async fn handle(self, ctx: &mut QueryContext) -> Result<InviteUses, Error> {
        let limit = page_limit(self.limit, MAX_PAGE)?;
        let invite = find_code(ctx, &self.code).await?;
        let own = invite.creator == ctx.caller()?.user;
        // The code of another server does not exist.
        if invite.server != ServerId::new(ctx.scope()) || !(own || sees_all(ctx).await?) {
            return Err(Reason::UnknownInvite.into());
        }
        let snapshot = ctx.snapshot().await?;
        let uses = read::invite::list_uses(snapshot, &self.code, self.after, limit).await?;
        Ok(InviteUses { uses })
    }
}
