//! Reactions.

use shared::{
    domain::{audit::Action, emoji::check_emoji, limits::MAX_EMOJI, permissions::Permissions},
    error::Reason,
    protocol::{
        Handler,
        message::{AddReaction, ReactionAdded, ReactionRemoved, RemoveReaction},
    },
};

use super::get_message;
use crate::{
    error::Error,
    state::server::Audience,
    store::write::{self, audit::Record, reaction::ReactionRow},
    transaction::Context,
};

impl Handler<Context<'_>> for AddReaction {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (channel_id, message_id) = (self.channel_id, self.message_id);
        let emoji = check_emoji(&self.emoji)?;
        get_message(ctx, channel_id, message_id).await?;
        let known = write::reaction::list_emoji(ctx.read().await?, channel_id, message_id).await?;
        let fits = known.len() < MAX_EMOJI || known.contains(&emoji);
        ctx.require(fits, Reason::LimitReached)?;
        let row = ReactionRow {
            channel: channel_id,
            message: message_id,
            emoji: &emoji,
            user: ctx.caller()?.user,
        };
        let place = ctx.next_seq().await?;
        let added = write::reaction::insert_reaction(&mut ctx.write().await?, row, place).await?;
        let Some(count) = added else {
            return Ok(());
        };
        let event = ReactionAdded {
            channel_id,
            message_id,
            user_id: row.user,
            emoji,
            count,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for RemoveReaction {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (channel_id, message_id) = (self.channel_id, self.message_id);
        let emoji = check_emoji(&self.emoji)?;
        let caller = ctx.caller()?.user;
        let user = self.user_id.unwrap_or(caller);
        if user != caller {
            let held = ctx.permissions_in(channel_id).await?;
            let manages = held.contains(Permissions::MANAGE_MESSAGES);
            ctx.require(manages, Reason::Forbidden)?;
        }
        get_message(ctx, channel_id, message_id).await?;
        let row = ReactionRow {
            channel: channel_id,
            message: message_id,
            emoji: &emoji,
            user,
        };
        let removed = write::reaction::delete_reaction(&mut ctx.write().await?, row).await?;
        let Some(count) = removed else {
            return Ok(());
        };
        let event = ReactionRemoved {
            channel_id,
            message_id,
            user_id: user,
            emoji,
            count,
        };
        ctx.emit(Audience::Channel(channel_id), &event).await?;
        if user == caller {
            return Ok(());
        }
        let record = Record::new(Action::ReactionRemove)
            .target(message_id)
            .before(&event)?;
        ctx.record_action(record).await
    }
}
