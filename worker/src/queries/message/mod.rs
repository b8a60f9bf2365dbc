//! History.

mod history;
mod pin;
mod reaction;

use shared::{
    error::Reason,
    protocol::{
        Handler,
        message::{GetMessage, GetMessages, Message, Messages},
    },
};

use super::{context::QueryContext, page_limit};
use crate::{
    error::Error,
    store::read::{self, Page},
};

/// Messages of a page whose size the client does not name.
const DEFAULT_PAGE: u32 = 50;

impl Handler<QueryContext> for GetMessage {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Message, Error> {
        let place = (self.channel_id, ctx.caller()?.user);
        let snapshot = ctx.snapshot().await?;
        let message =
            read::message::find_message(snapshot, self.channel_id, self.message_id).await?;
        let mut message = message.ok_or(Reason::UnknownMessage)?;
        read::reaction::add_reactions(snapshot, place, vec![&mut message]).await?;
        Ok(message)
    }
}

impl Handler<QueryContext> for GetMessages {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Messages, Error> {
        let page = Page {
            before: self.before,
            after: self.after,
            limit: page_limit(self.limit, DEFAULT_PAGE)?,
        };
        let place = (self.channel_id, ctx.caller()?.user);
        let snapshot = ctx.snapshot().await?;
        let (mut messages, more) =
            read::message::list_messages(snapshot, self.channel_id, page).await?;
        read::reaction::add_reactions(snapshot, place, messages.iter_mut().collect()).await?;
        Ok(Messages { messages, more })
    }
}
