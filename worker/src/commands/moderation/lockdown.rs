//! Lock-down: by somebody who manages the server, or by a rule when too many join.

use shared::{
    domain::{audit::Action, content, limits::MAX_LOCKDOWN_SECONDS, permissions::everyone_role},
    error::{Reason, Refusal},
    protocol::{
        Handler,
        moderation::{Lockdown, LockdownChanged, SetLockdown},
    },
};

use crate::{
    error::Error,
    state::server::Audience,
    store::write::{self, audit::Record},
    transaction::Context,
};

impl Handler<Context<'_>> for SetLockdown {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let reason = content::check_reason(&self.reason)?;
        let in_time = |seconds| (1..=MAX_LOCKDOWN_SECONDS).contains(&seconds);
        if !self.seconds.is_none_or(in_time) {
            return Err(Refusal::field(Reason::Invalid, "seconds").into());
        }
        let structure = &ctx.server().await?.structure;
        let silences =
            |role| structure.roles.contains_key(&role) && role != everyone_role(structure.server);
        if !self.speakers.is_none_or(silences) {
            return Err(Refusal::field(Reason::Invalid, "speakers").into());
        }
        let now_ms = ctx.now_ms();
        let before = ctx.moderation().await?.lockdown(now_ms).cloned();
        let locks = self.no_joining || self.speakers.is_some();
        let after = locks.then_some(Lockdown {
            no_joining: self.no_joining,
            speakers: self.speakers,
            until: self
                .seconds
                .map(|seconds| now_ms + u64::from(seconds) * 1_000),
        });
        if before == after {
            return Ok(());
        }
        let record = Record::new(Action::LockdownSet).reason(reason);
        let record = record.before(&before)?.after(&after)?;
        set_lockdown(ctx, after).await?;
        ctx.record_action(record).await
    }
}

async fn set_lockdown(ctx: &mut Context<'_>, lockdown: Option<Lockdown>) -> Result<(), Error> {
    let server = ctx.server().await?.structure.server;
    let mut writes = ctx.write().await?;
    write::moderation::set_lockdown(&mut writes, server, lockdown.as_ref()).await?;
    let state = ctx.server_mut().await?;
    state.moderation.set_lockdown(lockdown.clone());
    ctx.emit(Audience::Members, &LockdownChanged { lockdown })
        .await?;
    Ok(())
}

/// Refuses to let somebody in while nobody may join.
pub(in crate::commands) async fn check_joining(ctx: &mut Context<'_>) -> Result<(), Error> {
    let now_ms = ctx.now_ms();
    let lockdown = ctx.moderation().await?.lockdown(now_ms);
    let shut = lockdown.is_some_and(|lockdown| lockdown.no_joining);
    ctx.require(!shut, Reason::LockedDown)
}

/// Somebody joined: where too many did, a rule locks the server behind him.
pub(in crate::commands) async fn note_join(ctx: &mut Context<'_>) -> Result<(), Error> {
    let now_ms = ctx.now_ms();
    let moderation = ctx.moderation().await?;
    let raid = moderation
        .rules_mut()
        .and_then(|rules| rules.note_join(now_ms));
    let Some(raid) = raid else {
        return Ok(());
    };
    let before = moderation.lockdown(now_ms).cloned();
    let after = Some(Lockdown {
        no_joining: true,
        speakers: before.as_ref().and_then(|lockdown| lockdown.speakers),
        until: Some(now_ms + raid.lock_ms),
    });
    let record = Record::new(Action::LockdownSet).target(raid.rule);
    let record = record.reason(&raid.name).before(&before)?.after(&after)?;
    set_lockdown(ctx, after).await?;
    ctx.record_rule(record).await
}
