//! Pins: a few rows of a channel.

use shared::ids::{ChannelId, MessageId, UserId};

use super::{Reads, Writes};
use crate::error::StoreError;

/// A message that is pinned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewPin {
    pub(crate) channel: ChannelId,
    pub(crate) message: MessageId,
    pub(crate) by: UserId,
    pub(crate) now_ms: u64,
    /// The seq of the event that tells it.
    pub(crate) place: u64,
}

/// The pinned messages of a channel.
pub(crate) async fn list_pinned(
    reads: Reads<'_>,
    channel: ChannelId,
) -> Result<Vec<MessageId>, StoreError> {
    let sql = "SELECT message FROM pins WHERE channel = $1";
    reads.list(sql, &[&channel]).await
}

pub(crate) async fn insert_pin(writes: &mut Writes<'_>, pin: NewPin) -> Result<usize, StoreError> {
    let sql = "INSERT INTO pins (channel, message, pinned_by, pinned_at, place)
               VALUES ($1, $2, $3, $4, $5) RETURNING channel";
    let (channel, message) = (pin.channel, pin.message);
    writes
        .execute(sql, &[&channel, &message, &pin.by, &pin.now_ms, &pin.place])
        .await
}

/// Answers how many there were, none or one.
pub(crate) async fn delete_pin(
    writes: &mut Writes<'_>,
    channel: ChannelId,
    message: MessageId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM pins WHERE channel = $1 AND message = $2 RETURNING channel";
    writes.execute(sql, &[&channel, &message]).await
}
