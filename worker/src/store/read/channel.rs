//! Channels.

use shared::{ids::ServerId, protocol::channel::Channel};

use super::{Snapshot, server::Overrides};
use crate::error::StoreError;

/// The channels of a server by position, seen or not.
pub(crate) async fn list_channels(
    snapshot: &mut Snapshot,
    server: ServerId,
    overrides: &Overrides,
) -> Result<Vec<Channel>, StoreError> {
    let sql = "SELECT id, name, topic, position, last_seq, last_message_id, kind, parent, slow_mode
               FROM channels WHERE server = $1 ORDER BY position, id";
    let rows = snapshot.list(sql, &[&server]).await?;
    let overrides = overrides.get(&server);
    let channel = |((channel_id, name, topic), (position, last_seq, last_message_id), kept)| {
        let (kind, parent_id, slow_mode) = kept;
        Channel {
            channel_id,
            name,
            topic,
            position,
            overrides: overrides
                .and_then(|rights| rights.channels.get(&channel_id).cloned())
                .unwrap_or_default(),
            last_seq,
            last_message_id,
            kind,
            parent_id,
            slow_mode,
        }
    };
    Ok(rows.into_iter().map(channel).collect())
}
