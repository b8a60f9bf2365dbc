//! Reactions to messages.

use foldhash::HashMap;
use shared::{
    ids::{ChannelId, MessageId, UserId},
    protocol::message::{Message, Reaction},
};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

/// The reactions to some messages of a channel, as one account sees them.
pub(super) const REACTIONS: &str = "
    SELECT c.message, c.emoji, c.count,
        EXISTS (SELECT FROM reactions r WHERE r.channel = c.channel AND r.message = c.message
                    AND r.emoji = c.emoji AND r.account = $3)
    FROM reaction_counts c WHERE c.channel = $1 AND c.message = ANY($2) ORDER BY c.place";

columns! { Reaction { emoji, count, me } }

/// Adds to messages of a channel how people reacted to them, as `reader` sees it: the first
/// reaction first. A message has few different ones, however many reacted.
pub(crate) async fn add_reactions(
    snapshot: &mut Snapshot,
    (channel, reader): (ChannelId, UserId),
    messages: Vec<&mut Message>,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let ids: Vec<MessageId> = messages.iter().map(|message| message.message_id).collect();
    let rows: Vec<(MessageId, Reaction)> =
        snapshot.list(REACTIONS, &[&channel, &ids, &reader]).await?;
    let mut reactions: HashMap<MessageId, Vec<Reaction>> = HashMap::default();
    for (message, reaction) in rows {
        reactions.entry(message).or_default().push(reaction);
    }
    for message in messages {
        message.reactions = reactions.remove(&message.message_id).unwrap_or_default();
    }
    Ok(())
}

/// Who reacted to a message with an emoji, with an id above `after`, by id.
pub(crate) async fn list_reactors(
    snapshot: &mut Snapshot,
    (channel, message): (ChannelId, MessageId),
    emoji: &str,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserId>, StoreError> {
    let sql = "SELECT account FROM reactions
               WHERE channel = $1 AND message = $2 AND emoji = $3 AND account > $4
               ORDER BY account LIMIT $5";
    let after = after.map_or(0, UserId::get);
    snapshot
        .list(
            sql,
            &[&channel, &message, &emoji, &after, &i64::from(limit)],
        )
        .await
}
