//! Rank: who may act on whom, and who may give and take which role.

use shared::{
    domain::permissions::{Permissions, Standing},
    error::{Reason, Refusal},
    ids::RoleId,
};

use crate::{error::Error, state::server::Rank, transaction::Context};

/// Who acts in the scope's server, and how far that reaches.
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
}

/// The caller, who is a member.
pub(super) async fn get_actor(ctx: &mut Context<'_>) -> Result<Actor, Error> {
    let user = ctx.caller()?.user;
    let standing = ctx.standing(user).await?;
    let standing = standing.ok_or(Refusal::from(Reason::UnknownServer))?;
    let state = ctx.server().await?;
    Ok(Actor {
        rank: state.rank_of(&standing),
        held: state.structure.in_server(&standing),
        standing,
    })
}

/// The caller's rank in the scope's server.
pub(super) async fn own_rank(ctx: &mut Context<'_>) -> Result<Rank, Error> {
    let user = ctx.caller()?.user;
    let standing = ctx.standing(user).await?;
    let standing = standing.ok_or(Refusal::from(Reason::UnknownServer))?;
    Ok(ctx.server().await?.rank_of(&standing))
}

/// Refuses to act on a member who is not below the caller: on the owner, on who has the same
/// rank, and so on oneself.
pub(super) async fn require_above(ctx: &mut Context<'_>, member: &Standing) -> Result<(), Error> {
    let own = own_rank(ctx).await?;
    let theirs = ctx.server().await?.rank_of(member);
    ctx.require(own > theirs, Reason::Forbidden)
}

/// Refuses to give, take or change a role that is not below the caller; answers what all of them
/// permit, in the server and by overrides. The role of everyone is nobody's to give.
pub(super) async fn require_above_roles(
    ctx: &mut Context<'_>,
    roles: &[RoleId],
) -> Result<Permissions, Error> {
    let own = own_rank(ctx).await?;
    let state = ctx.server().await?;
    let everyone = state.structure.everyone();
    let mut permitted = Permissions::empty();
    for id in roles {
        let role = state.roles.iter().find(|role| role.role_id == *id);
        let role = role.filter(|role| role.role_id != everyone);
        let role = role.ok_or(Refusal::from(Reason::UnknownTarget))?;
        if own <= Rank::Role(role.position) {
            return Err(Refusal::from(Reason::Forbidden).into());
        }
        permitted |= state.gifts_of(role);
    }
    Ok(permitted)
}
