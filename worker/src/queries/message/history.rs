//! Ways through history.

use shared::{
    domain::permissions::Permissions,
    error::{Reason, Refusal},
    protocol::{
        Handler,
        message::{
            GetMessagesAround, GetReplies, ListVersions, MessageVersions, Messages, MessagesAround,
        },
    },
};

use super::DEFAULT_PAGE;
use crate::{
    access::AccessFacts as _,
    error::Error,
    queries::{context::QueryContext, page_limit},
    store::read,
};

/// Messages on each side of one, where the client does not say how many.
const DEFAULT_AROUND: u32 = 25;
/// And the most: with both sides a page is no larger than any other.
const MAX_AROUND: u32 = 100;

impl Handler<QueryContext> for ListVersions {
    async fn handle(self, ctx: &mut QueryContext) -> Result<MessageVersions, Error> {
        let limit = page_limit(self.limit, DEFAULT_PAGE)?;
        let user = ctx.caller()?.user;
        let place = (self.channel_id, self.message_id);
        let found = read::message::find_message(ctx.snapshot().await?, place.0, place.1).await?;
        let message = found.ok_or(Reason::UnknownMessage)?;
        if message.author_id != user {
            let held = ctx.in_channel(self.channel_id).await?;
            if !held.contains(Permissions::MANAGE_MESSAGES) {
                return Err(Reason::Forbidden.into());
            }
        }
        let snapshot = ctx.snapshot().await?;
        let (versions, more) =
            read::message::list_versions(snapshot, place, self.before, limit).await?;
        Ok(MessageVersions { versions, more })
    }
}

impl Handler<QueryContext> for GetMessagesAround {
    async fn handle(self, ctx: &mut QueryContext) -> Result<MessagesAround, Error> {
        let limit = match self.limit {
            None => DEFAULT_AROUND,
            Some(limit @ 1..=MAX_AROUND) => limit,
            Some(_) => return Err(Refusal::field(Reason::Invalid, "limit").into()),
        };
        let place = (self.channel_id, ctx.caller()?.user);
        let snapshot = ctx.snapshot().await?;
        let around =
            read::message::list_around(snapshot, self.channel_id, self.message_id, limit).await?;
        let mut around = around.ok_or(Reason::UnknownMessage)?;
        let messages = around.messages.iter_mut().collect();
        read::reaction::add_reactions(snapshot, place, messages).await?;
        Ok(around)
    }
}

impl Handler<QueryContext> for GetReplies {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Messages, Error> {
        let limit = page_limit(self.limit, DEFAULT_PAGE)?;
        let place = (self.channel_id, ctx.caller()?.user);
        let snapshot = ctx.snapshot().await?;
        let answered = (self.channel_id, self.message_id);
        let (mut messages, more) =
            read::message::list_replies(snapshot, answered, self.after, limit).await?;
        read::reaction::add_reactions(snapshot, place, messages.iter_mut().collect()).await?;
        Ok(Messages { messages, more })
    }
}
