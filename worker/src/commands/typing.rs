//! Typing: tells those who see a channel, and stores nothing.

use shared::protocol::{
    Handler,
    typing::{SignalTyping, TypingStarted},
};

use super::channel::check_kind;
use crate::{error::Error, transaction::Context};

impl Handler<Context<'_>> for SignalTyping {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let channel_id = self.channel_id;
        check_kind(ctx, channel_id).await?;
        let user_id = ctx.caller()?.user;
        let event = TypingStarted {
            channel_id,
            user_id,
        };
        // Who types where: a later one says the same.
        let key = channel_id.get().rotate_left(32) ^ user_id.get();
        ctx.emit_signal(channel_id, key, &event).await
    }
}
