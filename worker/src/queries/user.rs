//! Accounts that somebody may see: one, several, the members of a server, and by name.

use shared::{
    domain::{
        content::{self, MAX_NAME_CHARS},
        limits::{MAX_ANNOUNCED, MAX_PAGE, MAX_USERS_AT_ONCE},
    },
    error::{Reason, Refusal},
    ids::{ServerId, UserId},
    protocol::{
        Handler,
        user::{
            FoundUsers, GetUser, GetUsers, ListUsers, Profile, SearchUsers, SearchedUsers, User,
            Users,
        },
    },
};

use super::{context::QueryContext, page_limit};
use crate::{
    access::AccessFacts as _,
    error::Error,
    store::read::{self, user::NameRange},
};

/// Accounts of a page of a search, unless the client says how many.
const SEARCH_PAGE: u32 = 50;

impl Handler<QueryContext> for ListUsers {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Users, Error> {
        let limit = page_limit(self.limit, MAX_PAGE)?;
        let (server, _) = ctx.membership()?;
        let page = (limit, ctx.now_ms());
        let snapshot = ctx.snapshot().await?;
        let members =
            read::member::list_members(snapshot, server.server_id, self.after, page).await?;
        Ok(Users { members })
    }
}

impl Handler<QueryContext> for GetUser {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Profile, Error> {
        let asker = ctx.caller()?.user;
        let known = list_known(ctx, &[self.user_id]).await?;
        if known.is_empty() {
            return Err(Reason::UnknownUser.into());
        }
        let found = read::user::find_profile(ctx.snapshot().await?, self.user_id).await?;
        let mut profile = found.ok_or(Reason::UnknownUser)?;
        if profile.user.user_id != asker {
            profile.locale.clear();
        }
        Ok(profile)
    }
}

impl Handler<QueryContext> for GetUsers {
    async fn handle(self, ctx: &mut QueryContext) -> Result<FoundUsers, Error> {
        if self.user_ids.len() > MAX_USERS_AT_ONCE {
            return Err(Refusal::field(Reason::TooLarge, "user_ids").into());
        }
        let users = list_known(ctx, &self.user_ids).await?;
        Ok(FoundUsers { users })
    }
}

/// Those of the accounts that the caller may see. A deleted one is nobody's secret: what it
/// wrote is still there, and nothing is left of it to be seen.
async fn list_known(ctx: &mut QueryContext, ids: &[UserId]) -> Result<Vec<User>, Error> {
    let asker = ctx.caller()?.user;
    let admin = ctx.is_admin(asker).await?;
    let snapshot = ctx.snapshot().await?;
    Ok(if admin {
        read::user::list_users(snapshot, ids).await?
    } else {
        read::user::list_known_users(snapshot, asker, ids).await?
    })
}

impl Handler<QueryContext> for SearchUsers {
    async fn handle(self, ctx: &mut QueryContext) -> Result<SearchedUsers, Error> {
        let limit = page_limit(self.limit, SEARCH_PAGE)?;
        let length = self.prefix.chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&length) {
            return Err(Refusal::field(Reason::Invalid, "prefix").into());
        }
        let names = NameRange {
            prefix: content::fold_name(&self.prefix),
            after: content::fold_name(self.after.as_deref().unwrap_or_default()),
            // One more tells whether there are more.
            limit: limit + 1,
        };
        let (mut users, unseen) = if let Some(server) = ServerId::new(ctx.scope()) {
            search_server(ctx, server, &names).await?
        } else {
            let asker = ctx.caller()?.user;
            let snapshot = ctx.snapshot().await?;
            let servers = read::server::list_memberships(snapshot, asker).await?;
            let servers: Vec<ServerId> = servers
                .into_iter()
                .map(|(server, _)| server.server_id)
                .collect();
            read::user::search_names(snapshot, &servers, &names).await?
        };
        let more = unseen || users.len() > limit as usize;
        users.truncate(limit as usize);
        Ok(SearchedUsers { users, more })
    }
}

/// In a small server all members are looked at, in a large one the names that begin so: either
/// way a bounded number.
async fn search_server(
    ctx: &mut QueryContext,
    server: ServerId,
    names: &NameRange,
) -> Result<(Vec<User>, bool), Error> {
    let snapshot = ctx.snapshot().await?;
    let size = read::server::count_members(snapshot, server).await?;
    if size > MAX_ANNOUNCED {
        return Ok(read::user::search_names(snapshot, &[server], names).await?);
    }
    let found = read::user::search_small_server(snapshot, server, names).await?;
    Ok((found, false))
}
