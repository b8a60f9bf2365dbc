//! Invites: look at a code, redeem it.

use shared::{
    domain::content,
    error::Reason,
    protocol::{
        Forward, Handler, Prepare,
        invite::{InvitePreview, JoinMember, PreviewInvite, RedeemInvite},
    },
};

use super::context::QueryContext;
use crate::{
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
