//! Unread: how much of each channel the account has not read.

use std::collections::BTreeMap;

use shared::{
    domain::{limits::MAX_PAGE, permissions::Permissions},
    ids::{ChannelId, ServerId},
    protocol::{
        Handler,
        unread::{GetUnreads, Unread, Unreads},
    },
};

use super::{context::QueryContext, page_limit};
use crate::{
    error::{Error, StoreError},
    store::read::{self, Membership, Snapshot, structure, unread::CursorPage},
};

impl Handler<QueryContext> for GetUnreads {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Unreads, Error> {
        let user = ctx.caller()?.user;
        let page = CursorPage {
            newer_than: self.newer_than.unwrap_or_default(),
            after: self.after,
            limit: page_limit(self.limit, MAX_PAGE)?,
        };
        let snapshot = ctx.snapshot().await?;
        let version = read::unread::register_version(snapshot, user).await?;
        if page.newer_than >= version {
            return Ok(Unreads {
                unreads: Vec::new(),
                version,
                next: None,
            });
        }
        let (all, next) = read::unread::list_unreads(snapshot, user, page).await?;
        let memberships = read::server::list_memberships(snapshot, user).await?;
        let unreads = visible_unreads(snapshot, all, memberships).await?;
        Ok(Unreads {
            unreads,
            version,
            next,
        })
    }
}

/// Those of channels that the account sees, by the rights of this snapshot.
async fn visible_unreads(
    snapshot: &mut Snapshot,
    mut unreads: Vec<Unread>,
    memberships: Vec<Membership>,
) -> Result<Vec<Unread>, StoreError> {
    let mut servers: Vec<ServerId> = unreads.iter().map(|unread| unread.server_id).collect();
    servers.sort_unstable();
    servers.dedup();
    let roles = read::server::list_roles(snapshot, &servers).await?;
    // Of the channels that are asked about alone: their servers may have a hundred times as many.
    let channels: Vec<ChannelId> = unreads
        .iter()
        .map(|unread| unread.cursor.channel_id)
        .collect();
    let overrides = read::server::list_channel_overrides(snapshot, &channels).await?;
    let standings: BTreeMap<ServerId, _> = memberships
        .into_iter()
        .filter(|(server, _)| servers.binary_search(&server.server_id).is_ok())
        .map(|(server, standing)| {
            let structure = structure(&server, &roles, &overrides);
            (server.server_id, (structure, standing))
        })
        .collect();
    unreads.retain(|unread| {
        standings
            .get(&unread.server_id)
            .is_some_and(|(structure, standing)| {
                structure
                    .in_channel(standing, unread.cursor.channel_id)
                    .contains(Permissions::VIEW_CHANNEL)
            })
    });
    Ok(unreads)
}
