//! The channels that a member sees.

use shared::protocol::{
    Handler,
    channel::{Channel, Channels, GetChannels},
    role::Role,
};

use super::context::QueryContext;
use crate::{
    error::{Error, StoreError},
    store::read::{self, Membership, Snapshot, structure},
};

impl Handler<QueryContext> for GetChannels {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Channels, Error> {
        let membership = ctx.membership()?;
        let (_, channels) = visible_channels(ctx.snapshot().await?, &membership).await?;
        Ok(Channels { channels })
    }
}

/// The roles of a server, and the channels that the member sees, by position.
pub(super) async fn visible_channels(
    snapshot: &mut Snapshot,
    membership: &Membership,
) -> Result<(Vec<Role>, Vec<Channel>), StoreError> {
    let (roles, channels, _) = read_channels(snapshot, membership).await?;
    Ok((roles, channels))
}

/// The same, and how many channels and overrides were read, seen or not.
pub(super) async fn read_channels(
    snapshot: &mut Snapshot,
    (server, standing): &Membership,
) -> Result<(Vec<Role>, Vec<Channel>, usize), StoreError> {
    let id = server.server_id;
    let mut roles = read::server::list_roles(snapshot, &[id]).await?;
    let overrides = read::server::list_overrides(snapshot, &[id]).await?;
    let mut channels = read::channel::list_channels(snapshot, id, &overrides).await?;
    let view = structure(server, &roles, &overrides).view(standing);
    let of_all = channels.iter().map(|channel| channel.overrides.len());
    let rows = channels.len() + of_all.sum::<usize>();
    channels.retain(|channel| view.contains_key(&channel.channel_id));
    Ok((roles.remove(&id).unwrap_or_default(), channels, rows))
}
