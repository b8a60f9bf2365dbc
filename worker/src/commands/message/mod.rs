//! Messages: send, edit, delete.

mod mention;

use shared::{
    domain::{audit::Action, content, permissions::Permissions},
    error::{Reason, Refusal},
    ids::{AnyId, ChannelId, MessageId, UserId},
    protocol::{
        Handler,
        message::{
            DeleteMessage, EditMessage, Message, MessageCreated, MessageDeleted, MessageEdited,
            MessageSent, NewMessage,
        },
    },
};

use self::mention::resolve_mentions;
use crate::{
    error::Error,
    state::server::Audience,
    store::write::{
        audit::Record,
        message::{KnownMessage, NewMessageRow, Revision},
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
            silent_reply,
        } = self;
        content::check_message(&content)?;
        let answered = match reply_to {
            Some(id) => Some(get_message(ctx, channel_id, id).await?.author),
            None => None,
        };
        let answered = answered.filter(|_| !silent_reply);
        let mentions = resolve_mentions(ctx, channel_id, &content, answered).await?;
        let author_id = ctx.caller()?.user;
        let message_id = ctx.next_id()?;
        let unknown = Refusal::from(Reason::UnknownChannel);
        let state = ctx.server_mut().await?;
        let server = state.structure.server;
        let channel = state.channels.get_mut(&channel_id).ok_or(unknown)?;
        channel.last_seq += 1;
        channel.last_message = Some(message_id);
        let seq = channel.last_seq;
        let event = ctx.next_seq().await?;
        let row = NewMessageRow {
            channel: channel_id,
            seq,
            id: message_id,
            author: author_id,
            content: content.clone(),
            reply_to,
            event,
            mentions: mentions.clone(),
        };
        ctx.insert_message(server, row);
        let message = Message {
            message_id,
            seq,
            author_id,
            content,
            reply_to,
            edited_at: None,
            mentions,
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
        let before = get_message(ctx, channel_id, message_id).await?;
        ctx.require(before.author == ctx.caller()?.user, Reason::Forbidden)?;
        let answered = answered_author(ctx, channel_id, &before).await?;
        let mentions = resolve_mentions(ctx, channel_id, &content, answered).await?;
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
        mention(ctx, (channel_id, message_id), before.mentions, &mentions).await?;
        let event = MessageEdited {
            channel_id,
            message_id,
            content,
            edited_at,
            mentions,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for DeleteMessage {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (channel_id, message_id) = (self.channel_id, self.message_id);
        let message = get_message(ctx, channel_id, message_id).await?;
        let manages = ctx
            .permissions_in(channel_id)
            .await?
            .contains(Permissions::MANAGE_MESSAGES);
        let own = message.author == ctx.caller()?.user;
        ctx.require(manages || own, Reason::Forbidden)?;
        if !own {
            let record = Record::new(Action::MessageDelete).target(message_id);
            ctx.record_action(record).await?;
        }
        mention(ctx, (channel_id, message_id), message.mentions, &[]).await?;
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

/// A message of the channel.
async fn get_message(
    ctx: &mut Context<'_>,
    channel: ChannelId,
    message: MessageId,
) -> Result<KnownMessage, Error> {
    let known = ctx.find_message(channel, message).await?;
    Ok(known.ok_or(Refusal::from(Reason::UnknownMessage))?)
}

/// Whom a message mentions because it answers him: no edit changes that.
async fn answered_author(
    ctx: &mut Context<'_>,
    channel: ChannelId,
    message: &KnownMessage,
) -> Result<Option<UserId>, Error> {
    let Some(reply_to) = message.reply_to.filter(|_| !message.mentions.is_empty()) else {
        return Ok(None);
    };
    let answered = ctx.find_message(channel, reply_to).await?;
    let author = answered.map(|answered| answered.author);
    Ok(author.filter(|author| message.mentions.contains(&author.cast())))
}

/// Changes whom a message mentions.
async fn mention(
    ctx: &mut Context<'_>,
    (channel, id): (ChannelId, MessageId),
    before: Vec<AnyId>,
    after: &[AnyId],
) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    let server = ctx.server().await?.structure.server;
    let revision = Revision::Mention {
        server,
        channel,
        id,
        before,
        after: after.to_vec(),
    };
    ctx.revise_message(revision).await
}
