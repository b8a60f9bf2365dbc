//! Channels.

use shared::{ids::ServerId, protocol::channel::Channel};

use super::{Snapshot, count, id, server::Overrides};
use crate::error::StoreError;

/// The channels of a server by position, seen or not.
pub(crate) async fn list_channels(
    snapshot: &mut Snapshot,
    server: ServerId,
    overrides: &Overrides,
) -> Result<Vec<Channel>, StoreError> {
    let rows: Vec<(i64, String, String, i32, i64, Option<i64>)> = sqlx::query_as(
        "SELECT id, name, topic, position, last_seq, last_message_id
         FROM channels WHERE server = $1 ORDER BY position, id",
    )
    .bind(server.sql())
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    let overrides = overrides.get(&server);
    rows.into_iter()
        .map(|(channel, name, topic, position, last_seq, last_message)| {
            let channel_id = id(channel)?;
            Ok(Channel {
                channel_id,
                name,
                topic,
                position: u32::try_from(position)
                    .map_err(|_| StoreError::Inconsistency("a negative position"))?,
                overrides: overrides
                    .and_then(|channels| channels.get(&channel_id).cloned())
                    .unwrap_or_default(),
                last_seq: count(last_seq)?,
                last_message_id: last_message.map(id).transpose()?,
            })
        })
        .collect()
}
