//! Whom a message mentions, of those whom its text names.

use shared::{
    domain::{
        mentions::{Mention, parse_mentions},
        permissions::{Permissions, everyone_role},
    },
    ids::{AnyId, ChannelId, Id, RoleId, UserId},
};

use crate::{error::Error, transaction::Context};

/// The members and roles that a message of the caller mentions, sorted: those named in its
/// text, and the author of the message that it answers. Who is no member, a role that the
/// caller may not mention, and the caller himself are text like any other.
pub(super) async fn resolve_mentions(
    ctx: &mut Context<'_>,
    channel: ChannelId,
    text: &str,
    answered: Option<UserId>,
) -> Result<Vec<AnyId>, Error> {
    let named = parse_mentions(text)?;
    if named.is_empty() && answered.is_none() {
        return Ok(Vec::new());
    }
    let caller = ctx.caller()?.user;
    let (mut users, mut roles) = (Vec::new(), Vec::new());
    let everyone = everyone_role(ctx.server().await?.structure.server);
    for mention in named {
        match mention {
            Mention::User(user) => users.push(user),
            Mention::Role(role) => roles.push(role),
            Mention::Everyone => roles.push(everyone),
        }
    }
    users.extend(answered);
    users.retain(|user| *user != caller);
    users.sort_unstable();
    users.dedup();
    let mut targets: Vec<AnyId> = Vec::new();
    if !users.is_empty() {
        targets.extend(ctx.only_members(users).await?.into_iter().map(Id::cast));
    }
    if !roles.is_empty() {
        let held = ctx.permissions_in(channel).await?;
        let loud = held.contains(Permissions::MENTION_EVERYONE);
        let known = &ctx.server().await?.roles;
        let may = |role: &RoleId| {
            let found = known.iter().find(|known| known.role_id == *role);
            found.is_some_and(|found| loud || (found.mentionable && *role != everyone))
        };
        targets.extend(roles.into_iter().filter(may).map(Id::cast));
    }
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}
