//! Messages.

use shared::{
    ids::{ChannelId, MessageId},
    protocol::message::Message,
};

use super::{Snapshot, count, id, sql};
use crate::error::StoreError;

/// Which messages of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// Only those below.
    pub(crate) before: Option<u64>,
    /// Only those above.
    pub(crate) after: Option<u64>,
    /// At most so many: the nearest to `after`, else to `before`, else the last ones.
    pub(crate) limit: u32,
}

type MessageRow = (i64, i64, i64, String, Option<i64>, Option<i64>);

impl Snapshot {
    /// A message of a channel that was not deleted.
    pub(crate) async fn find_message(
        &mut self,
        channel: ChannelId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let row: Option<MessageRow> = sqlx::query_as(
            "SELECT id, seq, author, content, reply_to, edited_at
             FROM messages WHERE channel = $1 AND id = $2 AND NOT deleted",
        )
        .bind(channel.sql())
        .bind(message_id.sql())
        .fetch_optional(&mut *self.transaction)
        .await?;
        row.map(message).transpose()
    }

    /// A page of a channel, oldest first, without those that were deleted.
    pub(crate) async fn list_messages(
        &mut self,
        channel: ChannelId,
        page: Page,
    ) -> Result<Vec<Message>, StoreError> {
        let forwards = page.after.is_some();
        let statement = if forwards {
            "SELECT id, seq, author, content, reply_to, edited_at
             FROM messages WHERE channel = $1 AND seq > $2 AND seq < $3 AND NOT deleted
             ORDER BY seq LIMIT $4"
        } else {
            "SELECT id, seq, author, content, reply_to, edited_at
             FROM messages WHERE channel = $1 AND seq > $2 AND seq < $3 AND NOT deleted
             ORDER BY seq DESC LIMIT $4"
        };
        let mut rows: Vec<MessageRow> = sqlx::query_as(statement)
            .bind(channel.sql())
            .bind(sql(page.after.unwrap_or(0)))
            .bind(sql(page.before.unwrap_or(u64::MAX)))
            .bind(i64::from(page.limit))
            .fetch_all(&mut *self.transaction)
            .await?;
        if !forwards {
            rows.reverse();
        }
        rows.into_iter().map(message).collect()
    }
}

fn message(
    (message, seq, author, content, reply_to, edited_at): MessageRow,
) -> Result<Message, StoreError> {
    Ok(Message {
        message_id: id(message)?,
        seq: count(seq)?,
        author_id: id(author)?,
        content,
        reply_to: reply_to.map(id).transpose()?,
        edited_at: edited_at.map(count).transpose()?,
    })
}
