//! What operators do to accounts.

use shared::{
    bus::envelope::Effect,
    error::Reason,
    protocol::{
        Handler,
        account::SessionClosed,
        admin::{AccountOperated, OperateAccount},
    },
};

use super::check_nonce;
use crate::{error::Error, store::write, transaction::Context};

impl Handler<Context<'_>> for OperateAccount {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<AccountOperated, Error> {
        check_nonce(&self.nonce)?;
        let user = self.user_id;
        ctx.require(user.partition() == ctx.partition(), Reason::Malformed)?;
        let changed = write::account::operate_account(&mut ctx.write().await?, &self).await?;
        ctx.require(changed == 1, Reason::UnknownUser)?;
        if !self.end_sessions {
            return Ok(AccountOperated { sessions: 0 });
        }
        let mut writes = ctx.write().await?;
        let closed = write::session::delete_oldest_sessions(&mut writes, user, 0).await?;
        for session_id in &closed {
            let effect = Effect::Revoked {
                session: *session_id,
            };
            let event = SessionClosed {
                session_id: *session_id,
            };
            ctx.emit_to(user, Some(effect), &event);
        }
        Ok(AccountOperated {
            sessions: u32::try_from(closed.len()).unwrap_or(u32::MAX),
        })
    }
}
