//! Messages: send, edit, delete.

use shared::{
    domain::{audit::Action, content, permissions::Permissions},
    error::{Reason, Refusal},
    ids::{ChannelId, MessageId, UserId},
    protocol::{
        Handler,
        message::{
            DeleteMessage, EditMessage, Message, MessageCreated, MessageDeleted, MessageEdited,
            MessageSent, NewMessage,
        },
    },
};

use crate::{
    error::Error,
    state::server::Audience,
    store::write::{
        audit::Record,
        message::{NewMessageRow, Revision},
    },
    transaction::Context,
};

impl Handler<Context<'_>> for NewMessage {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<MessageSent, Error> {
        let Self {
            nonce: _,
            channel_id,
            content,
            reply_to,
        } = self;
        content::check_message(&content)?;
        if let Some(id) = reply_to {
            author(ctx, channel_id, id).await?;
        }
        let author_id = ctx.caller()?.user;
        let message_id = ctx.next_id()?;
        let unknown = Refusal::from(Reason::UnknownChannel);
        let channel = ctx
            .server_mut()
            .await?
            .channels
            .get_mut(&channel_id)
            .ok_or(unknown)?;
        channel.last_seq += 1;
        channel.last_message = Some(message_id);
        let seq = channel.last_seq;
        let event = ctx.next_seq().await?;
        ctx.insert_message(NewMessageRow {
            channel: channel_id,
            seq,
            id: message_id,
            author: author_id,
            content: content.clone(),
            reply_to,
            event,
        });
        let message = Message {
            message_id,
            seq,
            author_id,
            content,
            reply_to,
            edited_at: None,
        };
        let event = MessageCreated {
            channel_id,
            message,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        Ok(MessageSent { message_id, seq })
    }
}

impl Handler<Context<'_>> for EditMessage {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (channel_id, message_id, content) = (self.channel_id, self.message_id, self.content);
        content::check_message(&content)?;
        let author = author(ctx, channel_id, message_id).await?;
        ctx.require(author == ctx.caller()?.user, Reason::Forbidden)?;
        let edited_at = ctx.now_ms();
        let event = ctx.next_seq().await?;
        ctx.revise_message(Revision::Edit {
            channel: channel_id,
            id: message_id,
            content: content.clone(),
            now_ms: edited_at,
            event,
        })
        .await?;
        let event = MessageEdited {
            channel_id,
            message_id,
            content,
            edited_at,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for DeleteMessage {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (channel_id, message_id) = (self.channel_id, self.message_id);
        let author = author(ctx, channel_id, message_id).await?;
        let manages = ctx
            .permissions_in(channel_id)
            .await?
            .contains(Permissions::MANAGE_MESSAGES);
        let own = author == ctx.caller()?.user;
        ctx.require(manages || own, Reason::Forbidden)?;
        if !own {
            let record = Record::new(Action::MessageDelete).target(message_id);
            ctx.record_action(record).await?;
        }
        ctx.revise_message(Revision::Delete {
            channel: channel_id,
            id: message_id,
        })
        .await?;
        let event = MessageDeleted {
            channel_id,
            message_id,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        Ok(())
    }
}

/// Who wrote a message of the channel.
async fn author(
    ctx: &mut Context<'_>,
    channel: ChannelId,
    message: MessageId,
) -> Result<UserId, Error> {
    let author = ctx.author(channel, message).await?;
    Ok(author.ok_or(Refusal::from(Reason::UnknownMessage))?)
}
