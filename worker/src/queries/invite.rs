//! Invites: look at codes and who used them, redeem one.

use shared::{
    domain::{content, limits::MAX_PAGE, permissions::Permissions},
    error::Reason,
    ids::ServerId,
    protocol::{
        Forward, Handler, Prepare,
        invite::{
            InvitePreview, InviteUses, Invites, JoinMember, ListInviteUses, ListInvites,
            PreviewInvite, RedeemInvite,
        },
    },
};

use super::{context::QueryContext, page_limit};
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
        if !invite.is_valid(now) {
            return Err(Reason::UnknownInvite.into());
        }
        let server = match invite.server {
            Some(server) => {
                let found = read::server::list_servers(ctx.snapshot().await?, &[server]).await?;
                let (server, _) = found.into_iter().next().ok_or(Reason::UnknownInvite)?;
                Some(server)
            }
            None => None,
        };
        Ok(InvitePreview {
            server,
            uses_left: invite.uses_left,
            expires_at: invite.expires_at,
        })
    }
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
pub(super) async fn find_code(ctx: &mut QueryContext, code: &str) -> Result<InviteRow, Error> {
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
