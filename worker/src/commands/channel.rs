//! Channels: create, change, delete, and clear away what was deleted.

use std::collections::BTreeSet;

use shared::{
    bus::envelope::pack,
    domain::{
        audit::Action,
        content,
        limits::{MAX_CHANNELS, MAX_OVERRIDES},
        permissions::{Override, Permissions, TargetKind},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, RoleId, UserId},
    protocol::{
        Handler,
        channel::{
            ChannelCreated, ChannelDeleted, ChannelUpdated, CreateChannel, DeleteChannel,
            UpdateChannel,
        },
    },
};

use crate::{
    error::Error,
    state::server::{Audience, ChannelState},
    store::{
        jobs::CHANNEL_PURGE,
        write::{self, audit::Record},
    },
    transaction::Context,
};

/// The last position: a column of Postgres holds no larger one. Channels may share it.
const MAX_POSITION: u32 = i32::MAX.cast_unsigned();

impl Handler<Context<'_>> for CreateChannel {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ChannelCreated, Error> {
        let Self {
            nonce: _,
            name,
            topic,
            overrides,
        } = self;
        let name = content::check_title(&name, "name")?.to_owned();
        let topic = content::check_topic(topic.as_deref().unwrap_or_default())?.to_owned();
        check_overrides(ctx, &[], &overrides).await?;
        let state = ctx.server().await?;
        let server = state.structure.server;
        let position = state
            .channels
            .values()
            .map(|channel| channel.position + 1)
            .max()
            .unwrap_or_default()
            .min(MAX_POSITION);
        let count = state.channels.len();
        ctx.require(count < MAX_CHANNELS, Reason::LimitReached)?;
        let channel_id: ChannelId = ctx.next_id()?;
        let channel = ChannelState {
            name,
            topic,
            position,
            last_seq: 0,
            last_message: None,
        };
        let mut writes = ctx.write().await?;
        write::channel::insert_channel(&mut writes, server, channel_id, &channel).await?;
        write::channel::replace_overrides(&mut writes, channel_id, &overrides).await?;
        let change = Change::Channel {
            channel: channel_id,
            before: None,
            after: Some(overrides.clone()),
        };
        let state = ctx.server_mut().await?;
        state.channels.insert(channel_id, channel);
        state.structure.channels.insert(channel_id, overrides);
        let channel = state
            .channel(channel_id)
            .ok_or(Refusal::from(Reason::UnknownChannel))?;
        let record = Record::new(Action::ChannelCreate).target(channel_id);
        let record = record.after(&channel)?;
        let event = ChannelCreated { channel };
        ctx.record_action(record).await?;
        ctx.emit_changes(Audience::Channel(channel_id), vec![change], &event)
            .await?;
        Ok(event)
    }
}

impl Handler<Context<'_>> for UpdateChannel {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let Self {
            nonce: _,
            channel_id,
            name,
            topic,
            position,
            overrides,
        } = self;
        let unknown = || Refusal::from(Reason::UnknownChannel);
        let state = ctx.server().await?;
        let mut channel = state
            .channels
            .get(&channel_id)
            .cloned()
            .ok_or_else(unknown)?;
        let was = state.channel(channel_id).ok_or_else(unknown)?;
        let before = was.overrides.clone();
        if let Some(name) = name {
            content::check_title(&name, "name")?.clone_into(&mut channel.name);
        }
        if let Some(topic) = topic {
            content::check_topic(&topic)?.clone_into(&mut channel.topic);
        }
        if let Some(position) = position {
            if position > MAX_POSITION {
                return Err(Refusal::field(Reason::Invalid, "position").into());
            }
            channel.position = position;
        }
        if let Some(overrides) = &overrides {
            check_overrides(ctx, &before, overrides).await?;
        }
        write::channel::update_channel(&mut ctx.write().await?, channel_id, &channel).await?;
        ctx.server_mut().await?.channels.insert(channel_id, channel);
        let mut changes = Vec::new();
        if let Some(overrides) = overrides {
            write::channel::replace_overrides(&mut ctx.write().await?, channel_id, &overrides)
                .await?;
            changes = Change::between(channel_id, &before, &overrides);
            ctx.server_mut()
                .await?
                .structure
                .channels
                .insert(channel_id, overrides);
        }
        let channel = ctx
            .server()
            .await?
            .channel(channel_id)
            .ok_or_else(unknown)?;
        let record = Record::new(Action::ChannelUpdate).target(channel_id);
        let record = record.before(&was)?.after(&channel)?;
        ctx.record_action(record).await?;
        let event = ChannelUpdated { channel };
        ctx.emit_changes(Audience::Channel(channel_id), changes, &event)
            .await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for DeleteChannel {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let channel_id = self.channel_id;
        let was = ctx.server().await?.channel(channel_id);
        let was = was.ok_or(Refusal::from(Reason::UnknownChannel))?;
        let record = Record::new(Action::ChannelDelete).target(channel_id);
        ctx.record_action(record.before(&was)?).await?;
        write::channel::delete_channel(&mut ctx.write().await?, channel_id).await?;
        let state = ctx.server_mut().await?;
        let server = state.structure.server;
        state.channels.remove(&channel_id);
        let overrides = state.structure.channels.remove(&channel_id);
        let change = Change::Channel {
            channel: channel_id,
            before: Some(overrides.unwrap_or_default()),
            after: None,
        };
        let event = ChannelDeleted { channel_id };
        ctx.emit_changes(Audience::Channel(channel_id), vec![change], &event)
            .await?;
        // Its messages go in slices, outside of any lane's turn.
        let purge = pack(&(server, channel_id));
        ctx.enqueue_job(CHANNEL_PURGE, &purge).await
    }
}

/// Overrides may be set by those who manage roles, for roles and members that
/// exist, and only as far as the caller's own permissions reach: nobody gives,
/// takes or restores what he does not hold.
async fn check_overrides(
    ctx: &mut Context<'_>,
    before: &[Override],
    after: &[Override],
) -> Result<(), Error> {
    let sorted = |overrides: &[Override]| {
        let mut sorted = overrides.to_vec();
        sorted.sort_by_key(|o| (o.kind, o.target));
        sorted
    };
    if sorted(before) == sorted(after) {
        return Ok(());
    }
    if after.len() > MAX_OVERRIDES {
        return Err(Refusal::field(Reason::LimitReached, "overrides").into());
    }
    let user = ctx.caller()?.user;
    let standing = ctx
        .standing(user)
        .await?
        .ok_or(Refusal::from(Reason::UnknownServer))?;
    let held = ctx.server().await?.structure.in_server(&standing);
    ctx.require(held.contains(Permissions::MANAGE_ROLES), Reason::Forbidden)?;
    let touched = before
        .iter()
        .chain(after)
        .filter(|o| !(before.contains(o) && after.contains(o)))
        .fold(Permissions::empty(), |sum, o| sum | o.allow | o.deny);
    ctx.require(held.contains(touched), Reason::Forbidden)?;
    let mut targets = BTreeSet::new();
    if !after.iter().all(|o| targets.insert((o.kind, o.target))) {
        return Err(Refusal::field(Reason::Invalid, "overrides").into());
    }
    let structure = &ctx.server().await?.structure;
    let server_id = structure.server;
    let roles_exist = after
        .iter()
        .filter(|o| o.kind == TargetKind::Role)
        .all(|o| RoleId::new(o.target).is_some_and(|role| structure.roles.contains_key(&role)));
    ctx.require(roles_exist, Reason::UnknownTarget)?;
    let members_may_exist = after
        .iter()
        .filter(|o| o.kind == TargetKind::Member)
        .all(|o| UserId::new(o.target).is_some());
    ctx.require(members_may_exist, Reason::UnknownTarget)?;
    // Who was named before may have left since: what is kept need not be asked for again.
    let old = members_of(before);
    let mut members = members_of(after);
    members.retain(|member| !old.contains(member));
    let named = members.len();
    let found = if members.is_empty() {
        0
    } else {
        write::server::count_members(ctx.read().await?, server_id, &members).await?
    };
    ctx.require(found == named, Reason::UnknownTarget)
}

/// The members that overrides name, each once.
fn members_of<'a>(overrides: impl IntoIterator<Item = &'a Override>) -> Vec<UserId> {
    let members: BTreeSet<UserId> = overrides
        .into_iter()
        .filter(|o| o.kind == TargetKind::Member)
        .filter_map(|o| UserId::new(o.target))
        .collect();
    members.into_iter().collect()
}
