//! Lock-down: by somebody who manages the server, or by a rule when too many join.

use shared::{
    domain::{audit::Action, content, limits::MAX_LOCKDOWN_SECONDS},
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
        let state = ctx.server().await?;
        if !self.speakers.is_none_or(|role| state.is_given(role)) {
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

/// The caller joined: where too many did, a rule locks the server behind him.
pub(in crate::commands) async fn note_join(ctx: &mut Context<'_>) -> Result<(), Error> {
    let (user, now_ms) = (ctx.caller()?.user, ctx.now_ms());
    let moderation = ctx.moderation().await?;
    let raid = moderation
        .rules_mut()
        .and_then(|rules| rules.note_join(user, now_ms));
    let Some(raid) = raid else {
        return Ok(());
    };
    let before = moderation.lockdown(now_ms).cloned();
    let after = Some(shut(before.as_ref(), now_ms + raid.lock_ms));
    let record = Record::new(Action::LockdownSet).target(raid.rule);
    let record = record.reason(&raid.name).before(&before)?.after(&after)?;
    set_lockdown(ctx, after).await?;
    ctx.record_rule(record).await
}

/// A lock-down in which nobody joins until then. One that somebody set, and that ends later or only
/// by hand, ends no sooner for it.
fn shut(before: Option<&Lockdown>, until: u64) -> Lockdown {
    let until = Some(until);
    before.map_or(
        Lockdown {
            no_joining: true,
            speakers: None,
            until,
        },
        |before| Lockdown {
            no_joining: true,
            speakers: before.speakers,
            until: before.until.max(until).filter(|_| before.until.is_some()),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raid_ends_no_lock_down_that_somebody_set() {
        let set = |until| Lockdown {
            no_joining: false,
            speakers: Some(shared::wire::Wire::sample()),
            until,
        };
        for (before, due) in [(None, None), (Some(50), Some(100)), (Some(200), Some(200))] {
            let after = shut(Some(&set(before)), 100);
            assert!(after.no_joining);
            assert_eq!((after.until, after.speakers), (due, set(None).speakers));
        }
        let open = shut(None, 100);
        assert_eq!((open.until, open.speakers), (Some(100), None));
    }
}
