//! Pins.

use shared::protocol::{
    Handler,
    message::{ListPins, PinnedMessages},
};

use super::DEFAULT_PAGE;
use crate::{
    error::Error,
    queries::{context::QueryContext, page_limit},
    store::read,
};

impl Handler<QueryContext> for ListPins {
    async fn handle(self, ctx: &mut QueryContext) -> Result<PinnedMessages, Error> {
        let limit = page_limit(self.limit, DEFAULT_PAGE)?;
        let place = (self.channel_id, ctx.caller()?.user);
        let snapshot = ctx.snapshot().await?;
        let (mut pins, more) =
            read::message::list_pins(snapshot, self.channel_id, self.before, limit).await?;
        let messages = pins.iter_mut().map(|pin| &mut pin.message).collect();
        read::reaction::add_reactions(snapshot, place, messages).await?;
        Ok(PinnedMessages { pins, more })
    }
}
