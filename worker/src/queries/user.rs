//! The members of a server.

use shared::{
    domain::limits::MAX_PAGE,
    protocol::{
        Handler,
        user::{ListUsers, Users},
    },
};

use super::{context::QueryContext, page_limit};
use crate::{error::Error, store::read};

impl Handler<QueryContext> for ListUsers {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Users, Error> {
        let limit = page_limit(self.limit, MAX_PAGE)?;
        let (server, _) = ctx.membership()?;
        let snapshot = ctx.snapshot().await?;
        let members =
            read::user::list_members(snapshot, server.server_id, self.after, limit).await?;
        Ok(Users { members })
    }
}
