//! Servers: look at them, list them, found one.

use shared::{
    domain::content,
    ids::Partition,
    protocol::{
        Forward, Handler, Prepare,
        server::{CreateServer, FoundServer, GetServer, ListServers, ServerInfo, Servers},
    },
};

use super::{channel::visible_channels, context::QueryContext};
use crate::{error::Error, store::read};

impl Handler<QueryContext> for GetServer {
    async fn handle(self, ctx: &mut QueryContext) -> Result<ServerInfo, Error> {
        let membership = ctx.membership()?;
        let (roles, channels) = visible_channels(ctx.snapshot().await?, &membership).await?;
        Ok(ServerInfo {
            server: membership.0,
            roles,
            channels,
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
