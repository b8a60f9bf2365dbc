//! Members: look at one, list them, and who is banned.

use std::cmp::Reverse;

use shared::{
    domain::{
        limits::{MAX_LOOKED_AT, MAX_PAGE},
        permissions::Permissions,
    },
    error::{Reason, Refusal},
    ids::{RoleId, UserId},
    protocol::{
        Handler,
        member::{
            Bans, GetMember, GetMemberRoles, ListBans, ListMembers, MemberPage, MemberPlace,
            MemberRoles, Mute, ShownMember,
        },
        role::Role,
        user::Member,
    },
};

use super::{channel::visible_channels, context::QueryContext, page_limit};
use crate::{access::AccessFacts as _, error::Error, store::read};

/// Members of a page whose size the client does not name.
pub(super) const LISTED: u32 = 100;
/// What looking at a group counts besides its members: 50 statements are a page.
const EMPTY_GROUP: u32 = 20;
/// The longest name that is sorted by: 32 characters, each folded to some.
const MAX_SORT_NAME_BYTES: usize = 2_048;

impl Handler<QueryContext> for GetMember {
    async fn handle(self, ctx: &mut QueryContext) -> Result<ShownMember, Error> {
        let member = get_member(ctx, self.user_id).await?;
        let own = ctx.caller()?.user == self.user_id;
        let mutes = if own
            || ctx
                .in_server()
                .await?
                .contains(Permissions::TIMEOUT_MEMBERS)
        {
            list_mutes(ctx, self.user_id).await?
        } else {
            Vec::new()
        };
        Ok(ShownMember { member, mutes })
    }
}

impl Handler<QueryContext> for GetMemberRoles {
    async fn handle(self, ctx: &mut QueryContext) -> Result<MemberRoles, Error> {
        let roles = get_member(ctx, self.user_id).await?.roles;
        Ok(MemberRoles { roles })
    }
}

impl Handler<QueryContext> for ListBans {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Bans, Error> {
        let page = (page_limit(self.limit, MAX_PAGE)?, ctx.now_ms());
        let (server, _) = ctx.membership()?;
        let snapshot = ctx.snapshot().await?;
        let bans = read::member::list_bans(snapshot, server.server_id, self.after, page).await?;
        Ok(Bans { bans })
    }
}

impl Handler<QueryContext> for ListMembers {
    async fn handle(self, ctx: &mut QueryContext) -> Result<MemberPage, Error> {
        let limit = page_limit(self.limit, LISTED)?;
        let (server, now) = (ctx.membership()?.0.server_id, ctx.now_ms());
        let snapshot = ctx.snapshot().await?;
        let roles = read::server::list_roles(snapshot, &[server]).await?;
        let groups = Groups::new(roles.into_values().flatten());
        let mut next = Some(groups.begin(self.place)?);
        let (mut members, mut looked_at) = (Vec::new(), 0);
        let is_full = |members: &Vec<Member>| members.len() >= limit as usize;
        while let Some(mut place) = next.take() {
            if is_full(&members) || looked_at >= MAX_LOOKED_AT {
                next = Some(place);
                break;
            }
            let asked = limit.max(EMPTY_GROUP).min(MAX_LOOKED_AT - looked_at);
            let page = (asked, now);
            let (found, is_last) =
                read::member::list_by_name(snapshot, server, &place, page).await?;
            for (name, member) in found {
                if is_full(&members) {
                    break;
                }
                (place.name, place.user_id) = (name, Some(member.user.user_id));
                looked_at += 1;
                if groups.of(&member) == place.role_id {
                    members.push(member);
                }
            }
            // A group without anybody is not for nothing either.
            looked_at += EMPTY_GROUP;
            next = if is_last && !is_full(&members) {
                groups.behind(place.role_id)
            } else {
                Some(place)
            };
        }
        Ok(MemberPage { members, next })
    }
}

/// Under which roles a member list shows members.
pub(super) struct Groups(Vec<RoleId>);

impl Groups {
    /// The hoisted roles of a server, from the highest rank down.
    pub(super) fn new(roles: impl Iterator<Item = Role>) -> Self {
        let mut hoisted: Vec<Role> = roles.filter(|role| role.hoist).collect();
        hoisted.sort_by_key(|role| (Reverse(role.position), role.role_id));
        Self(hoisted.into_iter().map(|role| role.role_id).collect())
    }

    /// Under which a member stands; none among all others.
    pub(super) fn of(&self, member: &Member) -> Option<RoleId> {
        let mut groups = self.0.iter();
        groups.find(|role| member.roles.contains(role)).copied()
    }

    /// The place that a list begins at, or goes on at.
    pub(super) fn begin(&self, place: Option<MemberPlace>) -> Result<MemberPlace, Refusal> {
        let Some(place) = place else {
            return Ok(start(self.0.first().copied()));
        };
        if place.name.len() > MAX_SORT_NAME_BYTES {
            return Err(Refusal::field(Reason::Invalid, "place"));
        }
        match place.role_id {
            Some(role) if !self.0.contains(&role) => Err(Reason::Moved.into()),
            _ => Ok(place),
        }
    }

    /// The place behind a group; none behind the last one, which is all others.
    pub(super) fn behind(&self, group: Option<RoleId>) -> Option<MemberPlace> {
        let group = group?;
        let mut groups = self.0.iter().copied();
        groups.find(|role| *role == group)?;
        Some(start(groups.next()))
    }
}

/// The beginning of a group.
const fn start(role_id: Option<RoleId>) -> MemberPlace {
    MemberPlace {
        role_id,
        name: String::new(),
        user_id: None,
    }
}

/// A member of the scope's server.
async fn get_member(ctx: &mut QueryContext, user: UserId) -> Result<Member, Error> {
    let (server, _) = ctx.membership()?;
    let now = ctx.now_ms();
    let snapshot = ctx.snapshot().await?;
    let found = read::member::find_member(snapshot, server.server_id, user, now).await?;
    found.ok_or_else(|| Reason::UnknownTarget.into())
}

/// Where a member may only look on, of the channels that the caller sees.
async fn list_mutes(ctx: &mut QueryContext, user: UserId) -> Result<Vec<Mute>, Error> {
    let membership = ctx.membership()?;
    let (server, now) = (membership.0.server_id, ctx.now_ms());
    let snapshot = ctx.snapshot().await?;
    let mut mutes = read::member::list_mutes(snapshot, server, user, now).await?;
    if !mutes.is_empty() {
        let (_, seen) = visible_channels(snapshot, &membership).await?;
        mutes.retain(|mute| {
            seen.iter()
                .any(|channel| channel.channel_id == mute.channel_id)
        });
    }
    Ok(mutes)
}
