//! Overrides: who may set which, for whom, in which channel.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{
        limits::{MAX_OVERRIDES, MAX_SERVER_OVERRIDES},
        permissions::{Override, Permissions, Standing, TargetKind},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, RoleId, UserId},
    protocol::channel::{Channel, ChannelKind, ChannelUpdated},
};

use super::rank::{Actor, get_actor};
use crate::{
    error::Error,
    state::server::{Audience, Rank},
    store::write::{self, audit::Record},
    transaction::Context,
};

/// Overrides may be set by those who manage roles, for roles and members below their rank that
/// exist, and only as far as the caller's own permissions reach in that channel, and in the server
/// where there is no such channel yet: nobody gives, takes or restores what he does not hold there.
/// Answers them in their order.
pub(super) async fn check_overrides(
    ctx: &mut Context<'_>,
    (channel, kind): (Option<ChannelId>, ChannelKind),
    before: &[Override],
    mut after: Vec<Override>,
) -> Result<Vec<Override>, Error> {
    after.sort_by_key(|o| (o.kind, o.target));
    let touched: Vec<Override> = before
        .iter()
        .chain(&after)
        .filter(|o| !(before.contains(o) && after.contains(o)))
        .cloned()
        .collect();
    if touched.is_empty() && before.len() == after.len() {
        return Ok(after);
    }
    if after.len() > before.len() {
        let channels = &ctx.server().await?.structure.channels;
        let all: usize = channels.values().map(Vec::len).sum();
        let full = all + after.len() > MAX_SERVER_OVERRIDES + before.len();
        if full || after.len() > MAX_OVERRIDES {
            return Err(Refusal::field(Reason::LimitReached, "overrides").into());
        }
    }
    let actor = get_actor(ctx).await?;
    let manages = actor.held.contains(Permissions::MANAGE_ROLES);
    ctx.require(manages, Reason::Forbidden)?;
    let bits = |o: &Override| o.allow | o.deny;
    let sum = touched
        .iter()
        .fold(Permissions::empty(), |sum, o| sum | bits(o));
    let state = ctx.server().await?;
    actor.check_holds_in(state, channel, sum)?;
    let mut targets = BTreeSet::new();
    let only_view = |o: &Override| Permissions::VIEW_CHANNEL.contains(bits(o));
    let fits = kind != ChannelKind::Separator || after.iter().all(only_view);
    if !fits || !after.iter().all(|o| targets.insert((o.kind, o.target))) {
        return Err(Refusal::field(Reason::Invalid, "overrides").into());
    }
    check_roles(ctx, &actor, &touched, &after).await?;
    check_members(ctx, &actor, &touched, &after).await?;
    Ok(after)
}

/// The roles exist and are below the caller; one that everyone may take gets nothing that
/// moderates.
async fn check_roles(
    ctx: &mut Context<'_>,
    actor: &Actor,
    touched: &[Override],
    after: &[Override],
) -> Result<(), Error> {
    let state = ctx.server().await?;
    for given in touched.iter().filter(|o| o.kind == TargetKind::Role) {
        let role = RoleId::new(given.target).and_then(|id| state.find_role(id));
        let role = role.ok_or(Refusal::from(Reason::UnknownTarget))?;
        actor.check_above(Rank::Role(role.position))?;
        let safe = Permissions::SELF_ASSIGNABLE.contains(given.allow);
        if role.self_assignable && after.contains(given) && !safe {
            return Err(Refusal::field(Reason::Invalid, "overrides").into());
        }
    }
    Ok(())
}

/// The members exist, but for those whose override goes, and are below the caller.
async fn check_members(
    ctx: &mut Context<'_>,
    actor: &Actor,
    touched: &[Override],
    after: &[Override],
) -> Result<(), Error> {
    let of_members = || touched.iter().filter(|o| o.kind == TargetKind::Member);
    let named: BTreeSet<UserId> = of_members().filter_map(|o| UserId::new(o.target)).collect();
    let named: Vec<UserId> = named.into_iter().collect();
    if of_members().next().is_none() {
        return Ok(());
    }
    let server = ctx.server().await?.structure.server;
    let found = write::member::find_members(ctx.read().await?, server, &named).await?;
    let found: BTreeMap<u64, Standing> = found
        .into_iter()
        .map(|member| (member.standing.user.get(), member.standing))
        .collect();
    let state = ctx.server().await?;
    for given in of_members() {
        match found.get(&given.target) {
            Some(member) => actor.check_above(state.rank_of(member))?,
            None if after.contains(given) => {
                return Err(Refusal::from(Reason::UnknownTarget).into());
            }
            None => {}
        }
    }
    Ok(())
}

/// Puts checked overrides in place of those of a channel; answers what that changes.
pub(super) async fn replace_overrides(
    ctx: &mut Context<'_>,
    channel: ChannelId,
    after: Vec<Override>,
) -> Result<Vec<Change>, Error> {
    write::channel::replace_overrides(&mut ctx.write().await?, channel, &after).await?;
    let channels = &mut ctx.server_mut().await?.structure.channels;
    let before = channels.insert(channel, after.clone());
    let before = before.unwrap_or_default();
    Ok(Change::between(channel, &before, &after))
}

/// Puts one override in place of the one for the same target, or takes it away, if the caller
/// may.
pub(super) async fn change_override(
    ctx: &mut Context<'_>,
    channel_id: ChannelId,
    (kind, target): (TargetKind, u64),
    (given, record): (Option<Override>, Record<'_>),
) -> Result<(), Error> {
    let was = get_channel(ctx, channel_id).await?;
    let mut after = was.overrides.clone();
    let before = after.extract_if(.., |o| (o.kind, o.target) == (kind, target));
    let before = before.last();
    if before == given {
        return Ok(());
    }
    after.extend(given.clone());
    let after = check_overrides(ctx, (Some(channel_id), was.kind), &was.overrides, after).await?;
    let changes = replace_overrides(ctx, channel_id, after).await?;
    let record = record.target(channel_id);
    let record = record.before(&before)?.after(&given)?;
    ctx.record_action(record).await?;
    let channel = get_channel(ctx, channel_id).await?;
    let event = ChannelUpdated { channel };
    ctx.emit_changes(Audience::Channel(channel_id), changes, &event)
        .await?;
    Ok(())
}

/// Takes overrides away from who goes: a role loses all of them. Of a member goes what they permit
/// him; what they deny him stays, or he would shed it by leaving and coming back.
pub(super) async fn withdraw_overrides(
    ctx: &mut Context<'_>,
    (kind, target): (TargetKind, u64),
) -> Result<Vec<Change>, Error> {
    let state = ctx.server_mut().await?;
    let server = state.structure.server;
    let is_named = |o: &Override| (o.kind, o.target) == (kind, target);
    let mut changes = Vec::new();
    for (channel, overrides) in &mut state.structure.channels {
        let Some(named) = overrides.iter_mut().find(|o| is_named(o)) else {
            continue;
        };
        let mut left = named.clone();
        left.allow = Permissions::empty();
        let stays = kind == TargetKind::Member;
        if stays && left == *named {
            continue;
        }
        let before = named.clone();
        let after = Some(left).filter(|left| stays && !left.deny.is_empty());
        match &after {
            Some(left) => *named = left.clone(),
            None => overrides.retain(|o| !is_named(o)),
        }
        changes.push(Change::Override {
            channel: *channel,
            before: Some(before),
            after,
        });
    }
    if !changes.is_empty() {
        let mut writes = ctx.write().await?;
        let of = (server, target);
        match kind {
            TargetKind::Role => write::channel::delete_overrides_of(&mut writes, of).await?,
            TargetKind::Member => write::channel::withdraw_allowed(&mut writes, of).await?,
        };
    }
    Ok(changes)
}

/// A channel of the scope's server.
pub(super) async fn get_channel(ctx: &mut Context<'_>, id: ChannelId) -> Result<Channel, Error> {
    let found = ctx.server().await?.channel(id);
    Ok(found.ok_or(Refusal::from(Reason::UnknownChannel))?)
}
