//! Silences: a member only looks on for some time, everywhere or in one channel.

use shared::{
    domain::{audit::Action, content, limits::MAX_SILENCE_SECONDS, permissions::Permissions},
    error::{Reason, Refusal},
    ids::{ChannelId, UserId},
    protocol::{
        Handler,
        member::{
            ChannelMuted, ChannelUnmuted, MemberTimedOut, Mute, MuteMember, TimeOutMember,
            UnmuteMember,
        },
    },
};

use super::super::rank::require_above;
use crate::{
    error::Error,
    state::server::{Audience, MemberState},
    store::write::{self, audit::Record},
    transaction::Context,
};

impl Handler<Context<'_>> for TimeOutMember {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (user_id, duration) = (self.user_id, self.duration);
        let reason = content::check_reason(&self.reason)?;
        check_duration(duration, 0)?;
        let mut member = find_silenceable(ctx, user_id).await?;
        let now = ctx.now_ms();
        let was = Some(member.silences.everywhere).filter(|until| *until > now);
        let until = (duration > 0).then(|| now + u64::from(duration) * 1_000);
        if was.or(until).is_none() {
            return Ok(());
        }
        member.silences.everywhere = until.unwrap_or(0);
        silence(ctx, member, None, until).await?;
        let told = |until| MemberTimedOut { user_id, until };
        let record = Record::new(Action::MemberTimeout).target(user_id);
        let record = record.before(&told(was))?.after(&told(until))?;
        ctx.record_action(record.reason(reason)).await?;
        let actor = ctx.caller()?.user;
        let audience = ctx.server().await?.audience_of_act(user_id, actor);
        ctx.emit(audience, &told(until)).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for MuteMember {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (user_id, channel_id) = (self.user_id, self.channel_id);
        let reason = content::check_reason(&self.reason)?;
        check_duration(self.duration, 1)?;
        let mut member = find_silenceable(ctx, user_id).await?;
        let now = ctx.now_ms();
        let until = now + u64::from(self.duration) * 1_000;
        let was = member.silences.muted_until(channel_id, now);
        member.silences.set_channel(channel_id, until);
        silence(ctx, member, Some(channel_id), Some(until)).await?;
        let told = |until| ChannelMuted {
            user_id,
            mute: Mute { channel_id, until },
        };
        let mut record = Record::new(Action::ChannelMute).target(user_id);
        if let Some(was) = was {
            record = record.before(&told(was))?;
        }
        let record = record.after(&told(until))?.reason(reason);
        ctx.record_action(record).await?;
        let audience = Audience::Pair(user_id, ctx.caller()?.user, Some(channel_id));
        ctx.emit(audience, &told(until)).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for UnmuteMember {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let (user_id, channel_id) = (self.user_id, self.channel_id);
        let reason = content::check_reason(&self.reason)?;
        let mut member = find_silenceable(ctx, user_id).await?;
        let Some(until) = member.silences.muted_until(channel_id, ctx.now_ms()) else {
            return Ok(());
        };
        member.silences.set_channel(channel_id, 0);
        silence(ctx, member, Some(channel_id), None).await?;
        let was = ChannelMuted {
            user_id,
            mute: Mute { channel_id, until },
        };
        let record = Record::new(Action::ChannelUnmute).target(user_id);
        let record = record.before(&was)?.reason(reason);
        ctx.record_action(record).await?;
        let audience = Audience::Pair(user_id, ctx.caller()?.user, Some(channel_id));
        let event = ChannelUnmuted {
            user_id,
            channel_id,
        };
        ctx.emit(audience, &event).await?;
        Ok(())
    }
}

/// A rule silences the author of a message, who is none that it leaves alone. What is longer stays.
pub(in crate::commands) async fn time_out_by_rule(
    ctx: &mut Context<'_>,
    user_id: UserId,
    until: u64,
    rule: &str,
) -> Result<(), Error> {
    let member = ctx.member(user_id).await?;
    let mut member = member.ok_or(Refusal::from(Reason::UnknownTarget))?;
    let was = Some(member.silences.everywhere).filter(|was| *was > ctx.now_ms());
    if was >= Some(until) {
        return Ok(());
    }
    member.silences.everywhere = until;
    silence(ctx, member, None, Some(until)).await?;
    let told = |until| MemberTimedOut { user_id, until };
    let record = Record::new(Action::MemberTimeout).target(user_id);
    let record = record.before(&told(was))?.after(&told(Some(until)))?;
    ctx.record_rule(record.reason(rule)).await?;
    let audience = ctx.server().await?.audience_of_act(user_id, user_id);
    ctx.emit(audience, &told(Some(until))).await?;
    Ok(())
}

fn check_duration(seconds: u32, least: u32) -> Result<(), Refusal> {
    if (least..=MAX_SILENCE_SECONDS).contains(&seconds) {
        Ok(())
    } else {
        Err(Refusal::field(Reason::Invalid, "duration"))
    }
}

/// A member whom the caller may silence. Administrators are not silenced, whatever their rank, as
/// what they may is nobody's to limit.
async fn find_silenceable(ctx: &mut Context<'_>, user: UserId) -> Result<MemberState, Error> {
    let member = ctx.member(user).await?;
    let member = member.ok_or(Refusal::from(Reason::UnknownTarget))?;
    require_above(ctx, &member.standing).await?;
    let held = ctx.server().await?.structure.in_server(&member.standing);
    let all = held.contains(Permissions::ADMINISTRATOR);
    ctx.require(!all, Reason::Forbidden)?;
    Ok(member)
}

/// Writes a silence, or its end, and remembers the member as he is now.
async fn silence(
    ctx: &mut Context<'_>,
    member: MemberState,
    channel: Option<ChannelId>,
    until: Option<u64>,
) -> Result<(), Error> {
    let (user, now) = (member.standing.user, ctx.now_ms());
    let server = ctx.server().await?.structure.server;
    let (place, mut writes) = ((server, user), ctx.write().await?);
    match until {
        Some(until) => {
            write::member::set_silence(&mut writes, place, channel, (until, now)).await?;
        }
        None => {
            write::member::delete_silence(&mut writes, place, channel).await?;
        }
    }
    ctx.set_member(server, user, Some(member));
    Ok(())
}
