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

/// What a channel, an override or a role weighs in an answer besides its text.
const ROW_BYTES: usize = 100;

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

/// The same, and how many bytes were read for it, of roles, and of channels that are seen and others.
pub(super) async fn read_channels(
    snapshot: &mut Snapshot,
    (server, standing): &Membership,
) -> Result<(Vec<Role>, Vec<Channel>, usize), StoreError> {
    let id = server.server_id;
    let mut roles = read::server::list_roles(snapshot, &[id]).await?;
    let overrides = read::server::list_overrides(snapshot, &[id]).await?;
    let mut channels = read::channel::list_channels(snapshot, id, &overrides).await?;
    let view = structure(server, &roles, &overrides).view(standing);
    let bytes = channels.iter().map(|channel| {
        let rows = 1 + channel.overrides.len();
        channel.name.len() + channel.topic.len() + rows * ROW_BYTES
    });
    let bytes = bytes.sum::<usize>();
    let of_roles = roles.get(&id).map(Vec::as_slice).unwrap_or_default();
    let of_roles = of_roles.iter().map(|role| role.name.len() + ROW_BYTES);
    let bytes = bytes + of_roles.sum::<usize>();
    channels.retain(|channel| view.contains_key(&channel.channel_id));
    Ok((roles.remove(&id).unwrap_or_default(), channels, bytes))
}
