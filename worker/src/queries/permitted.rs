//! Which of many channels somebody may look into: the check of a row, for answers that no row's
//! access decides, as they are about several channels at once.

use std::collections::BTreeMap;

use shared::{
    domain::permissions::Permissions,
    ids::{ChannelId, ServerId},
};

use crate::{
    error::StoreError,
    store::read::{self, Membership, Snapshot, structure},
};

/// Those of these channels in which the member of these servers holds the permissions that are
/// needed, by the rights of this snapshot; each with its server. What is needed must be what a
/// silence leaves.
pub(super) async fn list_permitted(
    snapshot: &mut Snapshot,
    memberships: &[Membership],
    channels: &[ChannelId],
    needed: Permissions,
) -> Result<BTreeMap<ChannelId, ServerId>, StoreError> {
    // Of the channels that are asked about alone: their servers may have a hundred times as many.
    let overrides = read::server::list_own_overrides(snapshot, channels, memberships).await?;
    let servers: Vec<ServerId> = overrides.keys().copied().collect();
    let roles = read::server::list_roles(snapshot, &servers).await?;
    let mut permitted = BTreeMap::new();
    for (server, standing) in memberships {
        if !overrides.contains_key(&server.server_id) {
            continue;
        }
        let structure = structure(server, &roles, &overrides);
        for channel in structure.channels.keys() {
            if structure.in_channel(standing, *channel).contains(needed) {
                permitted.insert(*channel, server.server_id);
            }
        }
    }
    Ok(permitted)
}
