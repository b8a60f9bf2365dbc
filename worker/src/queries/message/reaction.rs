//! Reactions.

use shared::{
    domain::emoji::check_emoji,
    error::Reason,
    protocol::{
        Handler,
        message::{ListReactors, Reactors},
    },
};

use super::DEFAULT_PAGE;
use crate::{
    error::Error,
    queries::{context::QueryContext, page_limit},
    store::read,
};

impl Handler<QueryContext> for ListReactors {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Reactors, Error> {
        let limit = page_limit(self.limit, DEFAULT_PAGE)?;
        let emoji = check_emoji(&self.emoji)?;
        let place = (self.channel_id, self.message_id);
        let snapshot = ctx.snapshot().await?;
        let message = read::message::find_message(snapshot, place.0, place.1).await?;
        message.ok_or(Reason::UnknownMessage)?;
        let user_ids =
            read::reaction::list_reactors(snapshot, place, &emoji, self.after, limit).await?;
        Ok(Reactors { user_ids })
    }
}
