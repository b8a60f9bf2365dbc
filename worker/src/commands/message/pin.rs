//! Pins.

use shared::{
    domain::{audit::Action, limits::MAX_PINS},
    error::Reason,
    protocol::{
        Handler,
        message::{MessagePinned, MessageUnpinned, PinMessage, UnpinMessage},
    },
};

use super::get_message;
use crate::{
    error::Error,
    state::server::Audience,
    store::write::{self, audit::Record, pin::NewPin},
    transaction::Context,
};

impl Handler<Context<'_>> for PinMessage {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (channel_id, message_id) = (self.channel_id, self.message_id);
        get_message(ctx, channel_id, message_id).await?;
        let pinned = write::pin::list_pinned(ctx.read().await?, channel_id).await?;
        if pinned.contains(&message_id) {
            return Ok(());
        }
        ctx.require(pinned.len() < MAX_PINS, Reason::LimitReached)?;
        let pin = NewPin {
            channel: channel_id,
            message: message_id,
            by: ctx.caller()?.user,
            now_ms: ctx.now_ms(),
            place: ctx.next_seq().await?,
        };
        write::pin::insert_pin(&mut ctx.write().await?, pin).await?;
        let event = MessagePinned {
            channel_id,
            message_id,
            user_id: pin.by,
            pinned_at: pin.now_ms,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        let record = Record::new(Action::MessagePin).target(message_id);
        ctx.record_action(record).await
    }
}

impl Handler<Context<'_>> for UnpinMessage {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (channel_id, message_id) = (self.channel_id, self.message_id);
        get_message(ctx, channel_id, message_id).await?;
        let mut writes = ctx.write().await?;
        if write::pin::delete_pin(&mut writes, channel_id, message_id).await? == 0 {
            return Ok(());
        }
        let event = MessageUnpinned {
            channel_id,
            message_id,
            user_id: ctx.caller()?.user,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        let record = Record::new(Action::MessageUnpin).target(message_id);
        ctx.record_action(record).await
    }
}
