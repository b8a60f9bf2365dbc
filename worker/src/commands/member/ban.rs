//! Bans: who may not come in, and what he said that goes.

use std::ops::Bound;

use shared::{
    domain::{
        audit::Action,
        content,
        limits::{
            DELETION_SLICE, MAX_BAN_SECONDS, MAX_BANNED_STRANGERS, MAX_BULK, MAX_DELETED_HOURS,
        },
        permissions::Permissions,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, MessageId, UserId, next_raw},
    protocol::{
        Handler,
        member::{BanTerms, BanUser, DeleteAuthored, DeleteBanned, RecordedBan, UnbanUser},
        message::MessagesDeleted,
        server::LeaveCause,
    },
};

use super::{super::rank::require_above, close_ways_in, end_membership};
use crate::{
    access::AccessFacts as _,
    error::Error,
    state::server::Audience,
    store::write::{self, audit::Record, message::Revision},
    transaction::Context,
};

/// Channels of a slice, at most: small ones share a slice.
const SLICE_CHANNELS: usize = 16;

impl Handler<Context<'_>> for BanUser {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let reason = content::check_reason(&self.reason)?;
        let user = self.user_id;
        let now = ctx.now_ms();
        let until = match self.duration {
            None => None,
            Some(seconds @ 1..=MAX_BAN_SECONDS) => Some(now + u64::from(seconds) * 1_000),
            Some(_) => return Err(Refusal::field(Reason::Invalid, "duration").into()),
        };
        if self.delete_hours > MAX_DELETED_HOURS {
            return Err(Refusal::field(Reason::Invalid, "delete_hours").into());
        }
        if self.delete_hours > 0 {
            let held = ctx.in_server().await?;
            let manages = held.contains(Permissions::MANAGE_MESSAGES);
            ctx.require(manages, Reason::Forbidden)?;
        }
        let member = ctx.standing(user).await?;
        // Who is no member may be banned before he comes. Whether there is such an account is
        // nobody's business here.
        if let Some(member) = &member {
            require_above(ctx, member).await?;
        }
        let place = (ctx.server().await?.structure.server, user);
        let before = write::member::find_ban(ctx.read().await?, place, now).await?;
        let terms = BanTerms {
            reason: reason.to_owned(),
            banned_by: Some(ctx.caller()?.user),
            banned_at: now,
            until,
        };
        let known = member.is_some();
        if !known && before.is_none() {
            let reads = ctx.read().await?;
            let full =
                write::member::has_banned_strangers(reads, place.0, MAX_BANNED_STRANGERS).await?;
            ctx.require(!full, Reason::LimitReached)?;
        }
        write::member::set_ban(&mut ctx.write().await?, place, &terms, known).await?;
        let mut entry = Record::new(Action::MemberBan).target(user).reason(reason);
        if let Some(before) = before {
            entry = entry.before(&record(&before, 0))?;
        }
        let entry = entry.after(&record(&terms, self.delete_hours))?;
        ctx.record_action(entry).await?;
        close_ways_in(ctx, user).await?;
        if let Some(member) = member {
            end_membership(ctx, member, LeaveCause::Banned).await?;
        }
        if self.delete_hours > 0 {
            let channels = list_managed(ctx).await?;
            let hours = u64::from(self.delete_hours);
            delete_since(ctx, user, hours, channels.as_deref()).await?;
        }
        Ok(())
    }
}

impl Handler<Context<'_>> for UnbanUser {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let reason = content::check_reason(&self.reason)?;
        let now = ctx.now_ms();
        let place = (ctx.server().await?.structure.server, self.user_id);
        let before = write::member::find_ban(ctx.read().await?, place, now).await?;
        let before = before.ok_or(Refusal::from(Reason::UnknownTarget))?;
        write::member::delete_ban(&mut ctx.write().await?, place).await?;
        let entry = Record::new(Action::MemberUnban).target(self.user_id);
        ctx.record_action(entry.reason(reason).before(&record(&before, 0))?)
            .await
    }
}

/// What the audit log says of a ban.
const fn record(terms: &BanTerms, deleted_hours: u32) -> RecordedBan {
    RecordedBan {
        banned_by: terms.banned_by,
        banned_at: terms.banned_at,
        until: terms.until,
        deleted_hours,
    }
}

/// Leaves the deletion of what an account said in the last hours to the turns that follow.
async fn delete_since(
    ctx: &mut Context<'_>,
    author: UserId,
    hours: u64,
    channels: Option<&[ChannelId]>,
) -> Result<(), Error> {
    let began = ctx.now_ms().saturating_sub(hours * 3_600_000);
    let Some(from) = MessageId::new(next_raw(0, ctx.partition(), began)) else {
        return Ok(());
    };
    let until: MessageId = ctx.next_id()?;
    delete_authored(ctx, author, (from, until), channels).await
}

/// The channels that the caller sees and whose messages he manages; none where that is all of them,
/// as the owner's and an administrator's are.
async fn list_managed(ctx: &mut Context<'_>) -> Result<Option<Vec<ChannelId>>, Error> {
    let user = ctx.caller()?.user;
    let member = ctx.member(user).await?;
    let member = member.ok_or(Refusal::from(Reason::UnknownServer))?;
    let now = ctx.now_ms();
    let structure = &ctx.server().await?.structure;
    let held = structure.in_server(&member.standing);
    if held.contains(Permissions::ADMINISTRATOR) {
        return Ok(None);
    }
    let needed = Permissions::VIEW_CHANNEL | Permissions::MANAGE_MESSAGES;
    let manages = |channel: &ChannelId| {
        let silenced = member.silences.at(Some(*channel), now);
        let held = structure.permit(&member.standing, Some(*channel), silenced);
        held.contains(needed)
    };
    let channels = structure.channels.keys().copied();
    Ok(Some(channels.filter(manages).collect()))
}

/// Has these messages of an account deleted, in these channels or in all: by the slices that are under way for the server, or by the
/// first one. So its lane looks at each message as often for many bans as for one.
async fn delete_authored(
    ctx: &mut Context<'_>,
    author: UserId,
    range: (MessageId, MessageId),
    channels: Option<&[ChannelId]>,
) -> Result<(), Error> {
    let server = ctx.server().await?.structure.server;
    let place = (server, author);
    let mut writes = ctx.write().await?;
    let under_way = write::deletion::insert_deletion(&mut writes, place, range, channels).await?;
    if under_way {
        return Ok(());
    }
    begin_round(ctx).await
}

/// Begins to look through all channels for those whose deletion waits.
async fn begin_round(ctx: &mut Context<'_>) -> Result<(), Error> {
    let state = ctx.server().await?;
    let server = state.structure.server;
    let Some(channel) = state.channels.keys().next().copied() else {
        write::deletion::delete_deletions(&mut ctx.write().await?, server).await?;
        return Ok(());
    };
    let range = write::deletion::begin_round(&mut ctx.write().await?, server).await?;
    let Some((from, until)) = range else {
        return Ok(());
    };
    let first = DeleteBanned {
        from,
        until,
        channel,
        after: from,
    };
    ctx.enqueue_internal(ctx.partition(), ctx.scope(), &first)
        .await
}

impl Handler<Context<'_>> for DeleteAuthored {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        delete_authored(ctx, self.author, (self.from, self.until), None).await
    }
}

/// Looks at a bounded number of messages, each by its place, as there is no index by author.
impl Handler<Context<'_>> for DeleteBanned {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let server = ctx.server().await?.structure.server;
        let mut left = DELETION_SLICE;
        let mut next = Some((self.channel, self.after));
        for _ in 0..SLICE_CHANNELS {
            let Some((channel, after)) = next.filter(|_| left > 0) else {
                break;
            };
            let range = (after, self.until);
            let reads = ctx.read().await?;
            let page = write::deletion::list_banned(reads, server, (channel, range), left).await?;
            let said: Vec<MessageId> = page.iter().filter(|of| of.1).map(|of| of.0).collect();
            for some in said.chunks(MAX_BULK) {
                delete_messages(ctx, channel, some.to_vec()).await?;
            }
            let count = u32::try_from(page.len()).unwrap_or(left);
            next = match page.last() {
                Some((last, _)) if count >= left => Some((channel, *last)),
                _ => next_channel(ctx, channel)
                    .await?
                    .map(|next| (next, self.from)),
            };
            left = left.saturating_sub(count);
        }
        let Some((channel, after)) = next else {
            write::deletion::end_round(&mut ctx.write().await?, server).await?;
            return begin_round(ctx).await;
        };
        let rest = Self {
            channel,
            after,
            ..self
        };
        ctx.enqueue_internal(ctx.partition(), ctx.scope(), &rest)
            .await
    }
}

async fn next_channel(
    ctx: &mut Context<'_>,
    channel: ChannelId,
) -> Result<Option<ChannelId>, Error> {
    let behind = (Bound::Excluded(channel), Bound::Unbounded);
    let channels = &ctx.server().await?.channels;
    Ok(channels.range(behind).next().map(|(id, _)| *id))
}

async fn delete_messages(
    ctx: &mut Context<'_>,
    channel_id: ChannelId,
    message_ids: Vec<MessageId>,
) -> Result<(), Error> {
    let deletion = Revision::Delete {
        channel: channel_id,
        ids: message_ids.clone(),
    };
    ctx.revise_message(deletion).await?;
    let event = MessagesDeleted {
        channel_id,
        message_ids,
    };
    ctx.emit(Audience::Channel(channel_id), &event).await?;
    Ok(())
}
