//! Messages.

use shared::{
    ids::{ChannelId, MessageId},
    protocol::message::Message,
};

use super::{Snapshot, count, id, sql};
use crate::error::StoreError;

/// How many bytes of text a page holds, if more than one message has them: 200 messages of
/// the largest size would be 1.6 MB, and nobody who reads one page should wait for that.
const PAGE_BYTES: usize = 256 * 1_024;

/// Which messages of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// Only those below.
    pub(crate) before: Option<u64>,
    /// Only those above.
    pub(crate) after: Option<u64>,
    /// At most this many: the nearest to `after`, else to `before`, else the last ones.
    pub(crate) limit: u32,
}

type MessageRow = (i64, i64, i64, String, Option<i64>, Option<i64>);

/// A message of a channel that was not deleted.
pub(crate) async fn find_message(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    message_id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let row: Option<MessageRow> = sqlx::query_as(
        "SELECT id, seq, author, content, reply_to, edited_at
         FROM messages WHERE channel = $1 AND id = $2 AND NOT deleted",
    )
    .bind(channel.sql())
    .bind(message_id.sql())
    .fetch_optional(&mut *snapshot.transaction)
    .await?;
    row.map(message).transpose()
}

/// A page of a channel, oldest first, without those that were deleted; and whether it
/// ends before its limit because it is large.
pub(crate) async fn list_messages(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    page: Page,
) -> Result<(Vec<Message>, bool), StoreError> {
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
        .fetch_all(&mut *snapshot.transaction)
        .await?;
    // Nearest first up to here.
    let kept = fitting(rows.iter().map(|row| row.3.len()));
    let more = kept < rows.len();
    rows.truncate(kept);
    if !forwards {
        rows.reverse();
    }
    let messages = rows.into_iter().map(message).collect::<Result<_, _>>()?;
    Ok((messages, more))
}

/// How many of these sizes fit into a page; at least one.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut left = PAGE_BYTES;
    let mut count = 0;
    for size in sizes {
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None if count == 0 => left = 0,
            None => break,
        }
        count += 1;
    }
    count
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_its_texts_would_be_too_many_bytes() {
        assert_eq!(fitting([8_000; 200].into_iter()), 32);
        assert_eq!(fitting([100; 200].into_iter()), 200);
        assert_eq!(fitting([PAGE_BYTES + 1, 1].into_iter()), 1);
        assert_eq!(fitting([].into_iter()), 0);
    }
}
