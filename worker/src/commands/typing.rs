//! Typing: tells those who see a channel, and stores nothing.

use shared::protocol::{
    Handler,
    typing::{SignalTyping, TypingStarted},
};

use crate::{context::Context, error::Error};

impl Handler<Context<'_>> for SignalTyping {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let Self { channel_id } = self;
        let user_id = ctx.caller()?.user;
        ctx.signal(
            channel_id,
            &TypingStarted {
                channel_id,
                user_id,
            },
        );
        Ok(())
    }
}
