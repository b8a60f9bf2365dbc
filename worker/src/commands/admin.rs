//! What operators do to accounts.

use shared::{
    error::Reason,
    protocol::{
        Handler,
        admin::{AccountOperated, OperateAccount},
    },
};

use super::session;
use crate::{error::Error, store::write, transaction::Context};

impl Handler<Context<'_>> for OperateAccount {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<AccountOperated, Error> {
        let user = self.user_id;
        ctx.require(user.partition() == ctx.partition(), Reason::Malformed)?;
        let changed = write::account::operate_account(&mut ctx.write().await?, &self).await?;
        ctx.require(changed == 1, Reason::UnknownUser)?;
        if !self.end_sessions {
            return Ok(AccountOperated { sessions: 0 });
        }
        let closed = session::close_sessions(ctx, user, None).await?;
        Ok(AccountOperated {
            sessions: u32::try_from(closed).unwrap_or(u32::MAX),
        })
    }
}
