//! Channels: create, change, move, delete, and clear away what was deleted.

use foldhash::HashMap;
use shared::{
    bus::envelope::pack,
    domain::{
        audit::Action,
        content,
        limits::{MAX_CHANNELS, MAX_SLOW_MODE},
        permissions::{Override, Permissions},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::ChannelId,
    protocol::{
        Handler,
        channel::{
            ChannelCreated, ChannelDeleted, ChannelKind, ChannelPlace, ChannelUpdated,
            ChannelsMoved, CreateChannel, DeleteChannel, MoveChannel, UpdateChannel,
        },
    },
};

use super::overrides::{check_overrides, get_channel, replace_overrides};
use crate::{
    error::Error,
    state::server::{Audience, ChannelState, ServerState},
    store::{
        jobs::CHANNEL_PURGE,
        write::{self, audit::Record},
    },
    transaction::Context,
};

/// The last position: a column of Postgres holds no larger one. Channels may share it.
const MAX_POSITION: u32 = i32::MAX.cast_unsigned();

/// Who holds one of these in a slow channel need not wait.
const NEVER_SLOW: Permissions = Permissions::BYPASS_SLOW_MODE
    .union(Permissions::MANAGE_MESSAGES)
    .union(Permissions::MANAGE_CHANNELS);

impl Handler<Context<'_>> for CreateChannel {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<ChannelCreated, Error> {
        let name = content::check_title(&self.name, "name")?.to_owned();
        let topic = self.topic.as_deref().unwrap_or_default();
        let topic = content::check_topic(topic)?.to_owned();
        check_slow_mode(self.slow_mode)?;
        check_parent(ctx, self.kind, self.parent_id).await?;
        let overrides = check_overrides(ctx, (None, self.kind), &[], self.overrides).await?;
        let state = ctx.server().await?;
        let server = state.structure.server;
        let positions = state.channels.values();
        let position = positions.map(|channel| channel.position + 1).max();
        let count = state.channels.len();
        ctx.require(count < MAX_CHANNELS, Reason::LimitReached)?;
        let channel_id: ChannelId = ctx.next_id()?;
        let channel = ChannelState {
            name,
            topic,
            position: position.unwrap_or_default().min(MAX_POSITION),
            last_seq: 0,
            last_message: None,
            kind: self.kind,
            parent: self.parent_id,
            slow_mode: self.slow_mode,
        };
        let mut writes = ctx.write().await?;
        write::channel::insert_channel(&mut writes, server, channel_id, &channel).await?;
        write::channel::replace_overrides(&mut writes, channel_id, &overrides).await?;
        let change = Change::Channel {
            channel: channel_id,
            before: None,
            after: Some(overrides.clone()),
        };
        insert_channel(ctx, channel_id, channel, overrides).await?;
        let channel = get_channel(ctx, channel_id).await?;
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
        let channel_id = self.channel_id;
        let was = get_channel(ctx, channel_id).await?;
        let channels = &ctx.server().await?.channels;
        let channel = channels.get(&channel_id).cloned();
        let mut channel = channel.ok_or(Refusal::from(Reason::UnknownChannel))?;
        if let Some(name) = self.name {
            content::check_title(&name, "name")?.clone_into(&mut channel.name);
        }
        if let Some(topic) = self.topic {
            content::check_topic(&topic)?.clone_into(&mut channel.topic);
        }
        if let Some(position) = self.position {
            if position > MAX_POSITION {
                return Err(Refusal::field(Reason::Invalid, "position").into());
            }
            channel.position = position;
        }
        if let Some(slow_mode) = self.slow_mode {
            check_slow_mode(slow_mode)?;
            channel.slow_mode = slow_mode;
        }
        let overrides = match self.overrides {
            Some(given) => {
                let place = (Some(channel_id), was.kind);
                Some(check_overrides(ctx, place, &was.overrides, given).await?)
            }
            None => None,
        };
        let overrides = overrides.filter(|given| *given != was.overrides);
        let known = ctx.server().await?.channels.get(&channel_id);
        if overrides.is_none() && known == Some(&channel) {
            return Ok(());
        }
        write::channel::update_channel(&mut ctx.write().await?, channel_id, &channel).await?;
        ctx.server_mut().await?.channels.insert(channel_id, channel);
        let changes = match overrides {
            Some(given) => replace_overrides(ctx, channel_id, given).await?,
            None => Vec::new(),
        };
        let channel = get_channel(ctx, channel_id).await?;
        let record = Record::new(Action::ChannelUpdate).target(channel_id);
        let record = record.change(Some(&was), Some(&channel))?;
        ctx.record_action(record).await?;
        let event = ChannelUpdated { channel };
        ctx.emit_changes(Audience::Channel(channel_id), changes, &event)
            .await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for MoveChannel {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let channel_id = self.channel_id;
        let was = get_channel(ctx, channel_id).await?;
        if self.parent_id != was.parent_id {
            check_parent(ctx, was.kind, self.parent_id).await?;
        }
        let state = ctx.server().await?;
        let mut order = state.channel_order();
        order.retain(|id| *id != channel_id);
        let place = (self.position as usize).min(order.len());
        order.insert(place, channel_id);
        let places = (0..).zip(&order).filter_map(|(position, id)| {
            let before = state.channel_place(*id)?;
            let mut place = before.clone();
            place.position = position;
            if *id == channel_id {
                place.parent_id = self.parent_id;
            }
            (place != before).then_some(place)
        });
        let places: Vec<ChannelPlace> = places.collect();
        if places.is_empty() {
            return Ok(());
        }
        let before = state.channel_place(channel_id);
        let groups = group_by_sight(state, places);
        ctx.draw_telling(groups.len())?;
        place_channels(ctx, groups).await?;
        let after = ctx.server().await?.channel_place(channel_id);
        let record = Record::new(Action::ChannelMove).target(channel_id);
        ctx.record_action(record.before(&before)?.after(&after)?)
            .await
    }
}

impl Handler<Context<'_>> for DeleteChannel {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let channel_id = self.channel_id;
        let was = get_channel(ctx, channel_id).await?;
        let record = Record::new(Action::ChannelDelete).target(channel_id);
        ctx.record_action(record.before(&was)?).await?;
        // What stood in it stands by itself.
        let state = ctx.server().await?;
        let places = state.channels.keys().filter_map(|id| {
            let mut place = state.channel_place(*id)?;
            let parent = place.parent_id.take();
            (parent == Some(channel_id)).then_some(place)
        });
        let freed: Vec<ChannelPlace> = places.collect();
        if !freed.is_empty() {
            let groups = group_by_sight(state, freed);
            place_channels(ctx, groups).await?;
        }
        write::channel::delete_channel(&mut ctx.write().await?, channel_id).await?;
        let state = ctx.server_mut().await?;
        let server = state.structure.server;
        state.channels.remove(&channel_id);
        state.structure.announcements.remove(&channel_id);
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

/// Refuses a message to a channel that has none, or that the caller sent to too lately. Answers
/// whether the channel is slow for him: then the message has to be remembered.
pub(super) async fn check_sending(
    ctx: &mut Context<'_>,
    channel_id: ChannelId,
) -> Result<bool, Error> {
    let slow_mode = check_kind(ctx, channel_id).await?;
    if slow_mode == 0 || ctx.permissions_in(channel_id).await?.intersects(NEVER_SLOW) {
        return Ok(false);
    }
    let within = u64::from(slow_mode) * 1_000;
    if let Some(at) = ctx.last_send(channel_id, within).await? {
        // A clock that was set back makes nobody wait for longer.
        let wait = (at + within).saturating_sub(ctx.now_ms()).min(within);
        return Err(Refusal::retry(Reason::RateLimited, wait.max(1)).into());
    }
    Ok(true)
}

/// Refuses what concerns messages in a channel that has none; answers the slow mode of one that
/// has.
pub(super) async fn check_kind(ctx: &mut Context<'_>, id: ChannelId) -> Result<u32, Error> {
    let channel = ctx.server().await?.channels.get(&id);
    let channel = channel.ok_or(Refusal::from(Reason::UnknownChannel))?;
    let (kind, slow_mode) = (channel.kind, channel.slow_mode);
    ctx.require(kind.has_messages(), Reason::WrongKind)?;
    Ok(slow_mode)
}

/// Takes a new channel into memory, after it was written.
async fn insert_channel(
    ctx: &mut Context<'_>,
    id: ChannelId,
    channel: ChannelState,
    overrides: Vec<Override>,
) -> Result<(), Error> {
    let state = ctx.server_mut().await?;
    if channel.kind == ChannelKind::Announcement {
        state.structure.announcements.insert(id);
    }
    state.channels.insert(id, channel);
    state.structure.channels.insert(id, overrides);
    Ok(())
}

/// A channel stands in a category that the caller sees; a category stands in none.
async fn check_parent(
    ctx: &mut Context<'_>,
    kind: ChannelKind,
    parent: Option<ChannelId>,
) -> Result<(), Error> {
    let Some(parent) = parent else {
        return Ok(());
    };
    let seen = ctx.permissions_in(parent).await?;
    let channels = &ctx.server().await?.channels;
    let found = channels.get(&parent).filter(|_| !seen.is_empty());
    let found = found.ok_or(Refusal::field(Reason::UnknownChannel, "parent_id"))?;
    if found.kind != ChannelKind::Category || kind == ChannelKind::Category {
        return Err(Refusal::field(Reason::Invalid, "parent_id").into());
    }
    Ok(())
}

fn check_slow_mode(seconds: u32) -> Result<(), Refusal> {
    if seconds > MAX_SLOW_MODE {
        return Err(Refusal::field(Reason::Invalid, "slow_mode"));
    }
    Ok(())
}

/// Channels that the same members see, together: so nobody hears of one that he does not see.
fn group_by_sight(state: &ServerState, places: Vec<ChannelPlace>) -> Vec<Vec<ChannelPlace>> {
    let mut groups: HashMap<Vec<Override>, Vec<ChannelPlace>> = HashMap::default();
    for place in places {
        let seen_by = state.structure.sight_overrides(place.channel_id);
        groups.entry(seen_by).or_default().push(place);
    }
    let mut groups: Vec<Vec<ChannelPlace>> = groups.into_values().collect();
    groups.sort_by_key(|group| group.first().map(|place| place.position));
    groups
}

/// Puts channels elsewhere and tells who sees them, each group in one event.
async fn place_channels(
    ctx: &mut Context<'_>,
    groups: Vec<Vec<ChannelPlace>>,
) -> Result<(), Error> {
    let places: Vec<ChannelPlace> = groups.iter().flatten().cloned().collect();
    write::channel::place_channels(&mut ctx.write().await?, &places).await?;
    let state = ctx.server_mut().await?;
    for place in places {
        if let Some(channel) = state.channels.get_mut(&place.channel_id) {
            channel.position = place.position;
            channel.parent = place.parent_id;
        }
    }
    for channels in groups {
        if let Some(first) = channels.first().map(|place| place.channel_id) {
            let event = ChannelsMoved { channels };
            ctx.emit(Audience::Channel(first), &event).await?;
        }
    }
    Ok(())
}
