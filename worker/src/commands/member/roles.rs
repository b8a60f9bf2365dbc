//! Roles of members: who gives and takes which.

use shared::{
    domain::{
        audit::Action, content, limits::MAX_ROLES_HELD, permissions::Standing, rights::Change,
    },
    error::{Reason, Refusal},
    ids::{RoleId, UserId},
    protocol::{
        Handler,
        member::{
            AddMemberRoles, MemberRoles, MemberRolesChanged, RemoveMemberRoles, SetMemberRoles,
        },
    },
};

use super::{
    super::rank::{get_actor, require_above},
    find_target,
};
use crate::{
    error::Error,
    state::server::MemberState,
    store::write::{self, audit::Record},
    transaction::Context,
};

/// What becomes of the roles of a member.
enum RoleChange {
    Set,
    Add,
    Remove,
}

impl Handler<Context<'_>> for SetMemberRoles {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let named = (RoleChange::Set, self.roles.as_slice());
        change_roles(ctx, self.user_id, named, &self.reason).await
    }
}

impl Handler<Context<'_>> for AddMemberRoles {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let named = (RoleChange::Add, self.roles.as_slice());
        change_roles(ctx, self.user_id, named, &self.reason).await
    }
}

impl Handler<Context<'_>> for RemoveMemberRoles {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let named = (RoleChange::Remove, self.roles.as_slice());
        change_roles(ctx, self.user_id, named, &self.reason).await
    }
}

async fn change_roles(
    ctx: &mut Context<'_>,
    user: UserId,
    (change, named): (RoleChange, &[RoleId]),
    reason: &str,
) -> Result<(), Error> {
    let reason = content::check_reason(reason)?;
    if named.len() > MAX_ROLES_HELD {
        return Err(Refusal::field(Reason::LimitReached, "roles").into());
    }
    let member = find_target(ctx, user).await?;
    if user != ctx.caller()?.user {
        require_above(ctx, &member).await?;
    }
    // A role that was deleted is still among those held, and counts for nothing.
    let known = &ctx.server().await?.structure.roles;
    let held = member.roles.iter().copied();
    let held: Vec<RoleId> = held.filter(|role| known.contains_key(role)).collect();
    let mut after = match change {
        RoleChange::Set => named.to_vec(),
        RoleChange::Add => [&held[..], named].concat(),
        RoleChange::Remove => {
            let kept = held.iter().filter(|role| !named.contains(role));
            kept.copied().collect()
        }
    };
    after.sort_unstable();
    after.dedup();
    let given: Vec<RoleId> = missing(&held, &after);
    let taken: Vec<RoleId> = missing(&after, &held);
    let actor = get_actor(ctx).await?;
    let state = ctx.server().await?;
    actor.check_roles(state, &given)?;
    actor.check_gives(state, &given)?;
    actor.check_roles(state, &taken)?;
    if user == actor.standing.user {
        let mut taken = taken.iter();
        taken.try_for_each(|role| actor.check_sheds(state, *role))?;
    }
    if given.is_empty() && taken.is_empty() {
        return Ok(());
    }
    set_roles(ctx, &member, after.clone()).await?;
    let record = Record::new(Action::MemberRoles).target(user).reason(reason);
    let record = record.before(&MemberRoles { roles: held })?;
    ctx.record_action(record.after(&MemberRoles { roles: after })?)
        .await
}

/// Those of `after` that are not in `before`; both are sorted.
fn missing(before: &[RoleId], after: &[RoleId]) -> Vec<RoleId> {
    let new = after
        .iter()
        .filter(|role| before.binary_search(role).is_err());
    new.copied().collect()
}

/// Makes these the roles of a member, and tells it. Who holds more than one may loses some all the
/// same.
pub(in crate::commands) async fn set_roles(
    ctx: &mut Context<'_>,
    member: &Standing,
    roles: Vec<RoleId>,
) -> Result<(), Error> {
    if roles.len() > MAX_ROLES_HELD && roles.len() > member.roles.len() {
        return Err(Refusal::field(Reason::LimitReached, "roles").into());
    }
    let (user_id, actor) = (member.user, ctx.caller()?.user);
    let seq = ctx.next_seq().await?;
    let state = ctx.server().await?;
    let (server, audience) = (
        state.structure.server,
        state.audience_of_act(user_id, actor),
    );
    let place = (server, user_id);
    write::member::set_roles(&mut ctx.write().await?, place, &roles, seq).await?;
    let standing = Standing {
        roles: roles.clone(),
        changed: seq,
        ..member.clone()
    };
    let known = ctx.member(user_id).await?;
    let silences = known.map(|known| known.silences).unwrap_or_default();
    let now = MemberState { standing, silences };
    ctx.set_member(server, user_id, Some(now));
    let change = Change::Roles {
        user: user_id,
        since: member.since,
        before: member.roles.clone(),
        after: roles.clone(),
    };
    let event = MemberRolesChanged { user_id, roles };
    ctx.emit_changes(audience, vec![change], &event).await?;
    Ok(())
}
