//! Servers: look at them, list them, discover them, found or join one.

use shared::{
    domain::{
        content,
        limits::{MAX_OVERVIEW_BYTES, MAX_OVERVIEWS},
    },
    error::{Reason, Refusal},
    ids::Partition,
    protocol::{
        Forward, Handler, Prepare,
        server::{
            CreateServer, DiscoverServers, DiscoveredServer, DiscoveredServers, FoundServer,
            GetServer, JoinDiscovered, JoinServer, ListOverviews, ListServers, Overview, Overviews,
            ServerInfo, Servers,
        },
    },
};

use super::{
    channel::{read_channels, visible_channels},
    context::QueryContext,
    page_limit,
};
use crate::{error::Error, store::read};

/// Servers of a page of those that everyone may find, unless the client says how many.
const DISCOVERY_PAGE: u32 = 50;

impl Handler<QueryContext> for GetServer {
    async fn handle(self, ctx: &mut QueryContext) -> Result<ServerInfo, Error> {
        let membership = ctx.membership()?;
        let now_ms = ctx.deps().clock.now_ms();
        let snapshot = ctx.snapshot().await?;
        let (roles, channels) = visible_channels(snapshot, &membership).await?;
        let lockdown = read::moderation::find_lockdown(snapshot, membership.0.server_id).await?;
        Ok(ServerInfo {
            server: membership.0,
            roles,
            channels,
            lockdown: lockdown.filter(|lockdown| lockdown.is_on(now_ms)),
        })
    }
}

impl Handler<QueryContext> for ListServers {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Servers, Error> {
        let user = ctx.caller()?.user;
        let memberships = read::server::list_memberships(ctx.snapshot().await?, user).await?;
        Ok(Servers {
            servers: memberships.into_iter().map(|(server, _)| server).collect(),
        })
    }
}

impl Prepare<QueryContext> for CreateServer {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        let nonce = content::check_nonce(&self.nonce)?;
        let name = content::check_title(&self.name, "name")?;
        // A repeat must find the same lane, and has nothing but its author and nonce.
        let key = format!("{}:{nonce}", ctx.caller()?.user);
        let found = FoundServer {
            nonce: nonce.to_owned(),
            name: name.to_owned(),
        };
        Ok(Forward::to(Partition::of_hash(key.as_bytes()), 0, &found))
    }
}

impl Handler<QueryContext> for ListOverviews {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Overviews, Error> {
        let (mut ids, account) = (self.server_ids, ctx.caller()?.user);
        if ids.len() > MAX_OVERVIEWS {
            return Err(Refusal::field(Reason::TooLarge, "server_ids").into());
        }
        ids.retain(|id| Some(*id) >= self.from);
        ids.sort_unstable();
        ids.dedup();
        let topics: Vec<u64> = ids.iter().map(|id| id.get()).collect();
        let now = ctx.now_ms();
        let snapshot = ctx.snapshot().await?;
        let mut memberships = read::server::list_memberships(snapshot, account).await?;
        memberships.retain(|(server, _)| ids.binary_search(&server.server_id).is_ok());
        let user = read::user::list_users(snapshot, &[account]).await?.pop();
        let user = user.ok_or(Reason::Unauthenticated)?;
        let mut own = read::member::list_own(snapshot, &user, &ids, now).await?;
        let heads = read::event::find_heads(snapshot, &topics).await?;
        let versions = read::server::list_servers(snapshot, &ids).await?;
        let mut servers = Vec::with_capacity(memberships.len());
        let (mut bytes, mut next) = (0, None);
        for membership in memberships {
            let id = membership.0.server_id;
            if bytes >= MAX_OVERVIEW_BYTES {
                next = Some(id);
                break;
            }
            let (roles, channels, looked_at) = read_channels(snapshot, &membership).await?;
            bytes += looked_at;
            let (server, _) = membership;
            let Some(member) = own.remove(&id) else {
                continue;
            };
            let version = versions.iter().find(|(known, _)| known.server_id == id);
            let lockdown = read::moderation::find_lockdown(snapshot, id).await?;
            servers.push(Overview {
                info: ServerInfo {
                    server,
                    roles,
                    channels,
                    lockdown: lockdown.filter(|lockdown| lockdown.is_on(now)),
                },
                member,
                head: heads.get(&id.get()).copied().unwrap_or(0),
                rights_version: version.map_or(0, |(_, version)| *version),
            });
        }
        Ok(Overviews { servers, next })
    }
}

impl Handler<QueryContext> for DiscoverServers {
    async fn handle(self, ctx: &mut QueryContext) -> Result<DiscoveredServers, Error> {
        let limit = page_limit(self.limit, DISCOVERY_PAGE)?;
        let found =
            read::server::list_discoverable(ctx.snapshot().await?, self.after, limit).await?;
        let shown = |(server, member_count)| DiscoveredServer {
            server,
            member_count,
        };
        Ok(DiscoveredServers {
            servers: found.into_iter().map(shown).collect(),
        })
    }
}

impl Prepare<QueryContext> for JoinServer {
    async fn prepare(self, ctx: &mut QueryContext) -> Result<Forward, Error> {
        content::check_nonce(&self.nonce)?;
        let (user, id) = (ctx.caller()?.user, self.server_id);
        let snapshot = ctx.snapshot().await?;
        let found = read::server::list_servers(snapshot, &[id]).await?.pop();
        let (server, _) = found.ok_or(Reason::UnknownServer)?;
        // A repeat must reach the lane, which knows the nonce, though nobody finds the server any
        // more.
        let forward = server.discoverable
            || read::server::find_membership(snapshot, id, user)
                .await?
                .is_some();
        if !forward {
            return Err(Reason::UnknownServer.into());
        }
        let join = JoinDiscovered { nonce: self.nonce };
        Ok(Forward::to(id.partition(), id.get(), &join))
    }
}
