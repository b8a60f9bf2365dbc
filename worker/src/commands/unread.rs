//! Unread: moves the cursors of an account.
//!
//! Whether the account sees the channel is asked when cursors are read, not
//! here: its lane does not have the channel's server. A cursor of a channel that
//! it does not see is kept and shown to nobody, so a write tells nothing.

use shared::{
    ids::ChannelId,
    protocol::{
        Handler,
        register::WriteRegister,
        unread::{AckUnread, MarkUnread, ReadCursor, UnreadMoved},
    },
};

use crate::{error::Error, transaction::Context};

impl Handler<Context<'_>> for AckUnread {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ReadCursor, Error> {
        move_cursor(ctx, self.channel_id, &self)
    }
}

impl Handler<Context<'_>> for MarkUnread {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ReadCursor, Error> {
        move_cursor(ctx, self.channel_id, &self)
    }
}

fn move_cursor<R: WriteRegister>(
    ctx: &mut Context<'_>,
    channel_id: ChannelId,
    request: &R,
) -> Result<ReadCursor, Error> {
    let (register, changed) = ctx.write_register(request)?;
    let cursor = ReadCursor {
        channel_id,
        seq: register.value,
        version: register.version,
    };
    if changed {
        ctx.notify_devices(&UnreadMoved {
            cursor: cursor.clone(),
        })?;
    }
    Ok(cursor)
}
