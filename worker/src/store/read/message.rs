//! Messages.

use shared::{
    ids::{ChannelId, MessageId},
    protocol::message::Message,
};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

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

columns! { Message { message_id, seq, author_id, content, reply_to, edited_at, mentions } }

/// A message of a channel that was not deleted.
pub(crate) async fn find_message(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    message_id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let sql = "SELECT id, seq, author, content, reply_to, edited_at, coalesce(mentions, '{}')
               FROM messages WHERE channel = $1 AND id = $2 AND NOT deleted";
    snapshot.find(sql, &[&channel, &message_id]).await
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
        "SELECT id, seq, author, content, reply_to, edited_at, coalesce(mentions, '{}')
         FROM messages WHERE channel = $1 AND seq > $2 AND seq < $3 AND NOT deleted
         ORDER BY seq LIMIT $4"
    } else {
        "SELECT id, seq, author, content, reply_to, edited_at, coalesce(mentions, '{}')
         FROM messages WHERE channel = $1 AND seq > $2 AND seq < $3 AND NOT deleted
         ORDER BY seq DESC LIMIT $4"
    };
    let after = page.after.unwrap_or(0);
    let before = page.before.unwrap_or(u64::MAX);
    let limit = i64::from(page.limit);
    let mut messages: Vec<Message> = snapshot
        .list(statement, &[&channel, &after, &before, &limit])
        .await?;
    // Nearest first up to here.
    let kept = fitting(messages.iter().map(|message| message.content.len()));
    let more = kept < messages.len();
    messages.truncate(kept);
    if !forwards {
        messages.reverse();
    }
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
