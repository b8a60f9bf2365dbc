//! The open sessions of an account.

use shared::protocol::{
    Handler,
    session::{ListSessions, Sessions},
};

use super::context::QueryContext;
use crate::{error::Error, store::read};

impl Handler<QueryContext> for ListSessions {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Sessions, Error> {
        let user = ctx.caller()?.user;
        let sessions = read::session::list_sessions(ctx.snapshot().await?, user).await?;
        Ok(Sessions { sessions })
    }
}
