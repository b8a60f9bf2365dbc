//! Presence: who of a server's members is there, and one's own status.

use std::collections::{HashMap, HashSet};

use shared::{
    domain::limits::{MAX_ONLINE_COST, MAX_PAGE},
    error::{Reason, Refusal},
    ids::{ServerId, UserId},
    protocol::{
        Handler,
        member::MemberPlace,
        presence::{
            GetPresences, GetStatus, ListOnline, MemberPresence, OnlineMember, OnlinePage,
            PresenceState, Presences, Status, WatchPresences,
        },
    },
};

use super::{
    context::QueryContext,
    member::{Groups, LISTED},
    page_limit,
};
use crate::{
    error::Error,
    presence::Presence,
    store::read::{self, Snapshot, presence::StatusRow},
};

/// Names that one statement of `users_online` looks at: a millisecond.
const NAMES: u32 = 1_000;
/// What looking at a group costs besides its names: 50 statements are a page.
const GROUP_COST: u32 = 200;
/// Rows that are read at once, at least.
const ROWS: usize = 20;
/// What reading the row of a member costs.
const ROW_COST: u32 = 10;

impl Handler<QueryContext> for GetStatus {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Status, Error> {
        let user = ctx.caller()?.user;
        let now_ms = ctx.deps().clock.now_ms();
        let found = read::presence::find_status(ctx.snapshot().await?, user).await?;
        Ok(found.map(|row| row.status_at(now_ms)).unwrap_or_default())
    }
}

impl Handler<QueryContext> for GetPresences {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Presences, Error> {
        list_presences(ctx, self.user_ids).await
    }
}

/// The gateway has the connection told from then on.
impl Handler<QueryContext> for WatchPresences {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Presences, Error> {
        list_presences(ctx, self.user_ids).await
    }
}

async fn list_presences(
    ctx: &mut QueryContext,
    mut user_ids: Vec<UserId>,
) -> Result<Presences, Error> {
    if user_ids.len() > MAX_PAGE as usize {
        return Err(Refusal::field(Reason::TooLarge, "user_ids").into());
    }
    let mut seen = HashSet::new();
    user_ids.retain(|user| seen.insert(*user));
    let (server, _) = ctx.membership()?;
    let now_ms = ctx.deps().clock.now_ms();
    let snapshot = ctx.snapshot().await?;
    let rows = read::presence::list_members(snapshot, server.server_id, &user_ids).await?;
    let presence = &ctx.deps().presence;
    let members = presence.read(|union| {
        let rows = rows.into_iter();
        rows.map(|(user_id, row)| {
            let state = union.state(user_id);
            MemberPresence {
                user_id,
                state,
                text: text_of(state, row, now_ms),
            }
        })
        .collect()
    });
    Ok(Presences { members })
}

/// The text beside the name of an account that looks so. How it looks the gateways alone say: a row
/// knows sooner that somebody hides, and would tell that from leaving.
fn text_of(state: PresenceState, row: Option<StatusRow>, now_ms: u64) -> String {
    match state {
        PresenceState::Offline => String::new(),
        _ => row.map(|row| row.shown_at(now_ms)).unwrap_or_default(),
    }
}

impl Handler<QueryContext> for ListOnline {
    async fn handle(self, ctx: &mut QueryContext) -> Result<OnlinePage, Error> {
        let limit = page_limit(self.limit, LISTED)? as usize;
        let (server, now_ms) = (ctx.membership()?.0.server_id, ctx.now_ms());
        let presence = ctx.deps().presence.clone();
        let snapshot = ctx.snapshot().await?;
        let roles = read::server::list_roles(snapshot, &[server]).await?;
        let mut list = OnlineList {
            server,
            limit,
            now_ms,
            presence,
            groups: Groups::new(roles.into_values().flatten()),
            members: Vec::new(),
            cost: 0,
        };
        let mut next = Some(list.groups.begin(self.place)?);
        while list.has_room() {
            let Some(place) = next.take() else { break };
            next = list.look_on(snapshot, place).await?;
        }
        let members = list.members;
        Ok(OnlinePage { members, next })
    }
}

/// A page of those who are there, while it is made: the names of members are looked at in the
/// order in which they are shown, and rows are read of those alone that are there.
struct OnlineList {
    server: ServerId,
    limit: usize,
    now_ms: u64,
    presence: Presence,
    groups: Groups,
    members: Vec<OnlineMember>,
    cost: u32,
}

impl OnlineList {
    const fn has_room(&self) -> bool {
        self.members.len() < self.limit && self.cost < MAX_ONLINE_COST
    }

    /// Looks at the next names of a group; answers where the list goes on, and none at its end.
    async fn look_on(
        &mut self,
        snapshot: &mut Snapshot,
        mut place: MemberPlace,
    ) -> Result<Option<MemberPlace>, Error> {
        let names = read::member::list_names(snapshot, self.server, &place, NAMES).await?;
        // A group without anybody is not for nothing either.
        self.cost += GROUP_COST + u32::try_from(names.len()).unwrap_or(NAMES);
        let group = place.role_id;
        let goes_on = if names.len() < NAMES as usize {
            self.groups.behind(group)
        } else {
            names.last().map(|(name, user)| MemberPlace {
                role_id: group,
                name: name.clone(),
                user_id: Some(*user),
            })
        };
        for there in self.list_there(names).chunks(self.limit.max(ROWS)) {
            if !self.has_room() {
                return Ok(Some(place));
            }
            let users: Vec<UserId> = there.iter().map(|(_, user)| *user).collect();
            let mut found = self.find_online(snapshot, &users).await?;
            for (name, user) in there {
                if self.members.len() >= self.limit {
                    return Ok(Some(place));
                }
                (place.name, place.user_id) = (name.clone(), Some(*user));
                // Who holds a higher role was shown under that one.
                let online = found.remove(user).filter(|online| online.role_id == group);
                self.members.extend(online);
            }
        }
        Ok(goes_on)
    }

    /// Those of the members that are there by what gateways say.
    fn list_there(&self, names: Vec<(String, UserId)>) -> Vec<(String, UserId)> {
        self.presence.read(|union| {
            let there = |(_, user): &(String, UserId)| union.state(*user) != PresenceState::Offline;
            names.into_iter().filter(there).collect()
        })
    }

    /// Reads these members, and leaves out who is gone meanwhile.
    async fn find_online(
        &mut self,
        snapshot: &mut Snapshot,
        users: &[UserId],
    ) -> Result<HashMap<UserId, OnlineMember>, Error> {
        self.cost += ROW_COST * u32::try_from(users.len()).unwrap_or(NAMES);
        let members = read::member::find_members(snapshot, self.server, users, self.now_ms).await?;
        let mut statuses = read::presence::list_statuses(snapshot, users).await?;
        let online = self.presence.read(|union| {
            let online = members.into_iter().filter_map(|(user, member)| {
                let state = union.state(user);
                let text = text_of(state, statuses.remove(&user), self.now_ms);
                let role_id = self.groups.of(&member);
                let online = OnlineMember {
                    member,
                    role_id,
                    state,
                    text,
                };
                (state != PresenceState::Offline).then_some((user, online))
            });
            online.collect()
        });
        Ok(online)
    }
}
