//! Members: how a membership ends, and what moderators and members change of it.

mod ban;
mod nickname;
pub(super) mod roles;
mod silence;

use shared::{
    bus::envelope::pack,
    domain::{
        audit::Action,
        content,
        permissions::{Standing, TargetKind},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, UserId},
    protocol::{
        Handler,
        channel::ChannelUpdated,
        member::KickMember,
        server::{LeaveCause, MemberLeft, ServerLeft},
    },
};

pub(super) use self::silence::time_out_by_rule;
use super::{
    overrides::{get_channel, withdraw_overrides},
    rank::require_above,
};
use crate::{
    error::Error,
    state::server::Audience,
    store::{
        jobs::EVENT_REDACTION,
        write::{self, audit::Record},
    },
    transaction::Context,
};

impl Handler<Context<'_>> for KickMember {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let reason = content::check_reason(&self.reason)?;
        let member = find_target(ctx, self.user_id).await?;
        require_above(ctx, &member).await?;
        let record = Record::new(Action::MemberKick).target(self.user_id);
        ctx.record_action(record.reason(reason)).await?;
        close_ways_in(ctx, self.user_id).await?;
        end_membership(ctx, member, LeaveCause::Kicked).await
    }
}

/// Nobody comes in by the codes of who was made to leave, nor he himself by the one that opened his
/// account.
async fn close_ways_in(ctx: &mut Context<'_>, user: UserId) -> Result<(), Error> {
    let place = (ctx.server().await?.structure.server, user);
    let mut writes = ctx.write().await?;
    write::invite::revoke_invites_of(&mut writes, place).await?;
    write::invite::end_openings(&mut writes, place).await?;
    Ok(())
}

/// The member that a command names.
async fn find_target(ctx: &mut Context<'_>, user: UserId) -> Result<Standing, Error> {
    let standing = ctx.standing(user).await?;
    Ok(standing.ok_or(Refusal::from(Reason::UnknownTarget))?)
}

/// Ends a membership: its rows go, who follows is told, and the sessions of the account hear no
/// more of the server from that event on.
pub(super) async fn end_membership(
    ctx: &mut Context<'_>,
    member: Standing,
    cause: LeaveCause,
) -> Result<(), Error> {
    let user_id = member.user;
    let server_id = ctx.server().await?.structure.server;
    let place = (server_id, user_id);
    let told = write::member::delete_member(&mut ctx.write().await?, place).await?;
    forget_text(ctx, told).await?;
    let mut changes = vec![Change::Left {
        user: user_id,
        since: member.since,
        roles: member.roles,
    }];
    let withdrawn = withdraw_overrides(ctx, (TargetKind::Member, user_id.get())).await?;
    let changed = |change: &Change| match change {
        Change::Override { channel, .. } => Some(*channel),
        _ => None,
    };
    let channels: Vec<ChannelId> = withdrawn.iter().filter_map(changed).collect();
    changes.extend(withdrawn);
    ctx.set_member(server_id, user_id, None);
    let actor = ctx.caller()?.user;
    let state = ctx.server_mut().await?;
    let audience = state.audience_of_act(user_id, actor);
    state.member_count = state.member_count.saturating_sub(1);
    ctx.emit_changes(audience, changes, &MemberLeft { user_id })
        .await?;
    // The changes say it to gateways; this says it to clients.
    for id in channels {
        let channel = get_channel(ctx, id).await?;
        ctx.emit(Audience::Channel(id), &ChannelUpdated { channel })
            .await?;
    }
    ctx.emit_to(user_id, None, &ServerLeft { server_id, cause });
    Ok(())
}

/// Takes what an event of the scope's server told out of the log, as it is gone.
async fn forget_text(ctx: &mut Context<'_>, told: Option<u64>) -> Result<(), Error> {
    match told {
        Some(seq) => {
            let body = pack(&(ctx.scope(), seq));
            ctx.enqueue_job(EVENT_REDACTION, &body).await
        }
        None => Ok(()),
    }
}
