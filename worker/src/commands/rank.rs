//! Rank: who may act on whom, and who may give and take which role.

use shared::{
    domain::permissions::{Override, Permissions, Standing, TargetKind},
    error::{Reason, Refusal},
    ids::{ChannelId, RoleId},
};

use crate::{
    access::AccessFacts as _,
    error::Error,
    state::server::{Rank, ServerState},
    transaction::Context,
};

/// Who acts in the scope's server, and how far that reaches: all that rank and holding decide is
/// decided here.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) standing: Standing,
    pub(super) rank: Rank,
    pub(super) held: Permissions,
}

impl Actor {
    /// Refuses to act on what stands as high as the actor, or higher.
    pub(super) fn check_above(&self, rank: Rank) -> Result<(), Refusal> {
        if self.rank > rank {
            Ok(())
        } else {
            Err(Refusal::field(Reason::Forbidden, "rank"))
        }
    }

    /// Refuses to give or take permissions that the actor does not hold in the server.
    pub(super) fn check_holds(&self, touched: Permissions) -> Result<(), Refusal> {
        if self.held.contains(touched) {
            Ok(())
        } else {
            Err(Refusal::field(Reason::Forbidden, "permissions"))
        }
    }

    /// The same in a channel, by what the actor is given there; in the server where there is no
    /// channel yet.
    pub(super) fn check_holds_in(
        &self,
        state: &ServerState,
        channel: Option<ChannelId>,
        touched: Permissions,
    ) -> Result<(), Refusal> {
        let Some(channel) = channel else {
            return self.check_holds(touched);
        };
        let held = state.structure.in_channel(&self.standing, channel);
        if held.contains(touched) {
            Ok(())
        } else {
            Err(Refusal::field(Reason::Forbidden, "permissions"))
        }
    }

    /// Refuses to shed a role that takes something from its holders somewhere: who gave it has to
    /// take it back. The owner is denied nothing, and what everyone may take everyone may shed.
    pub(super) fn check_sheds(&self, state: &ServerState, role: RoleId) -> Result<(), Refusal> {
        let takes = |o: &Override| {
            o.kind == TargetKind::Role && o.target == role.get() && !o.deny.is_empty()
        };
        let free = state
            .find_role(role)
            .is_none_or(|role| role.self_assignable);
        let held = self.standing.roles.contains(&role);
        if free || !held || self.rank == Rank::Owner {
            return Ok(());
        }
        if state.structure.channels.values().flatten().any(takes) {
            return Err(Refusal::field(Reason::Forbidden, "roles"));
        }
        Ok(())
    }

    /// Refuses to give, take or change a role that does not stand below the actor. That of everyone
    /// is nobody's to give.
    pub(super) fn check_roles(&self, state: &ServerState, roles: &[RoleId]) -> Result<(), Refusal> {
        roles.iter().try_for_each(|id| {
            let role = state.find_role(*id).filter(|role| role.position > 0);
            let role = role.ok_or(Refusal::from(Reason::UnknownRole))?;
            self.check_above(Rank::Role(role.position))
        })
    }

    /// Refuses to give roles that permit what the actor does not hold himself, in the server or in
    /// a channel where an override permits it.
    pub(super) fn check_gives(&self, state: &ServerState, roles: &[RoleId]) -> Result<(), Refusal> {
        let known = roles.iter().filter_map(|id| state.find_role(*id));
        let permitted = known.fold(Permissions::empty(), |sum, role| sum | role.permissions);
        self.check_holds(permitted)?;
        let is_given = |o: &&Override| {
            o.kind == TargetKind::Role && roles.iter().any(|role| role.get() == o.target)
        };
        for (channel, overrides) in &state.structure.channels {
            let gifts = overrides.iter().filter(is_given);
            let gifts = gifts.fold(Permissions::empty(), |sum, o| sum | o.allow);
            let held = || state.structure.in_channel(&self.standing, *channel);
            if !gifts.is_empty() && !held().contains(gifts) {
                return Err(Refusal::field(Reason::Forbidden, "permissions"));
            }
        }
        Ok(())
    }
}

/// The caller, who is a member.
pub(super) async fn get_actor(ctx: &mut Context<'_>) -> Result<Actor, Error> {
    let user = ctx.caller()?.user;
    let standing = ctx.standing(user).await?;
    let standing = standing.ok_or(Refusal::from(Reason::UnknownServer))?;
    let held = ctx.in_server().await?;
    Ok(Actor {
        rank: ctx.server().await?.rank_of(&standing),
        held,
        standing,
    })
}

/// Refuses to act on a member who is not below the caller: on the owner, on who has the same
/// rank, and so on oneself.
pub(super) async fn require_above(ctx: &mut Context<'_>, member: &Standing) -> Result<(), Error> {
    let actor = get_actor(ctx).await?;
    let rank = ctx.server().await?.rank_of(member);
    Ok(actor.check_above(rank)?)
}
