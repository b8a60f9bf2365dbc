//! Messages: send, edit, delete.

mod mention;
mod pin;
mod reaction;

use shared::{
    domain::{
        audit::Action,
        content,
        limits::{MAX_BULK, MAX_EDITS},
        permissions::Permissions,
    },
    error::{Reason, Refusal},
    ids::{AnyId, ChannelId, MessageId, UserId},
    protocol::{
        Handler,
        message::{
            DeleteMessage, DeleteMessages, EditMessage, Message, MessageCreated, MessageDeleted,
            MessageEdited, MessageSent, MessagesDeleted, NewMessage,
        },
    },
};

use self::mention::resolve_mentions;
use super::{channel::check_sending, moderation};
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
        let slow = check_sending(ctx, channel_id).await?;
        // Last, as rules remember what is said: nothing else refuses it from here on.
        let found = moderation::check_text(ctx, channel_id, &content, true).await?;
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
        if slow {
            ctx.record_send(channel_id)?;
        }
        ctx.insert_message(server, row);
        let place = (channel_id, message_id);
        moderation::report_found(ctx, found, place, &content).await?;
        let message = Message {
            message_id,
            seq,
            author_id,
            content,
            reply_to,
            edited_at: None,
            mentions,
            pinned: false,
            reactions: Vec::new(),
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
        ctx.require(before.edits < MAX_EDITS, Reason::LimitReached)?;
        let found = moderation::check_text(ctx, channel_id, &content, false).await?;
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
        let place = (channel_id, message_id);
        mention(ctx, place, before.mentions, &mentions).await?;
        moderation::report_found(ctx, found, place, &content).await?;
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
        ctx.revise_message(Revision::Delete {
            channel: channel_id,
            ids: vec![message_id],
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

impl Handler<Context<'_>> for DeleteMessages {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<MessagesDeleted, Error> {
        let Self {
            nonce: _,
            channel_id,
            mut message_ids,
        } = self;
        if !(1..=MAX_BULK).contains(&message_ids.len()) {
            return Err(Refusal::field(Reason::Invalid, "message_ids").into());
        }
        message_ids.sort_unstable();
        message_ids.dedup();
        let found = ctx.find_messages(channel_id, &message_ids).await?;
        let reads = may_read(ctx, channel_id).await?;
        let user = ctx.caller()?.user;
        let named = found.into_iter();
        let named = named.filter(|(_, known)| reads || known.author == user);
        let event = MessagesDeleted {
            channel_id,
            message_ids: named.map(|(id, _)| id).collect(),
        };
        if event.message_ids.is_empty() {
            return Ok(event);
        }
        ctx.revise_message(Revision::Delete {
            channel: channel_id,
            ids: event.message_ids.clone(),
        })
        .await?;
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        let record = Record::new(Action::MessagesDelete)
            .target(channel_id)
            .before(&event)?;
        ctx.record_action(record).await?;
        Ok(event)
    }
}

/// A message that the caller names: his own, or any that he may read. Of others he is not
/// told whether they exist.
async fn get_message(
    ctx: &mut Context<'_>,
    channel: ChannelId,
    message: MessageId,
) -> Result<KnownMessage, Error> {
    let unknown = Refusal::from(Reason::UnknownMessage);
    let known = ctx.find_message(channel, message).await?.ok_or(unknown)?;
    let own = known.author == ctx.caller()?.user;
    let may = own || may_read(ctx, channel).await?;
    ctx.require(may, Reason::UnknownMessage)?;
    Ok(known)
}

/// Whether the caller may read what was said in a channel before.
async fn may_read(ctx: &mut Context<'_>, channel: ChannelId) -> Result<bool, Error> {
    let held = ctx.permissions_in(channel).await?;
    Ok(held.contains(Permissions::READ_HISTORY))
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
