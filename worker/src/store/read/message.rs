//! Messages.

use shared::{
    ids::{ChannelId, MessageId},
    protocol::message::{Message, MessagesAround, Pin, Version},
};

use super::Snapshot;
use crate::{
    error::StoreError,
    store::values::{Columns, FromColumns, columns},
};

/// How many bytes of text a page holds, if more than one message has them: 200 messages of
/// the largest size would be 1.6 MB, and nobody who reads one page should wait for that.
pub(crate) const PAGE_BYTES: usize = 256 * 1_024;

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

/// Selects messages `m` of the channel `$1`, then more columns, from where the rest says. The
/// few pins of the channel are looked up once.
macro_rules! select_messages {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT m.id, m.seq, m.author, m.content, m.reply_to, m.edited_at, coalesce(m.mentions, '{}'),
                 m.id IN (SELECT message FROM pins WHERE channel = $1)",
            $more, " ", $rest
        )
    };
}

impl FromColumns for Message {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            message_id: FromColumns::from_columns(columns)?,
            seq: FromColumns::from_columns(columns)?,
            author_id: FromColumns::from_columns(columns)?,
            content: FromColumns::from_columns(columns)?,
            reply_to: FromColumns::from_columns(columns)?,
            edited_at: FromColumns::from_columns(columns)?,
            mentions: FromColumns::from_columns(columns)?,
            pinned: FromColumns::from_columns(columns)?,
            // They have a statement of their own.
            reactions: Vec::new(),
        })
    }
}

columns! { Pin { message, user_id, pinned_at, place } }
columns! { Version { content, replaced_at, place } }

/// The last messages of a channel below a place and above another.
const PAGE: &str = select_messages!(
    "",
    "FROM messages m WHERE m.channel = $1 AND m.seq > $2 AND m.seq < $3 AND NOT m.deleted
     ORDER BY m.seq DESC LIMIT $4"
);
/// The messages that answer one, above a place.
const REPLIES: &str = select_messages!(
    "",
    "FROM messages m WHERE m.channel = $1 AND m.reply_to = $2 AND m.seq > $3 AND NOT m.deleted
     ORDER BY m.seq LIMIT $4"
);

/// A message of a channel that was not deleted.
pub(crate) async fn find_message(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    message_id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let sql = select_messages!(
        "",
        "FROM messages m WHERE m.channel = $1 AND m.id = $2 AND NOT m.deleted"
    );
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
    let mut messages = list_nearest(snapshot, channel, page).await?;
    let more = fit_messages(&mut messages, PAGE_BYTES);
    if !forwards {
        messages.reverse();
    }
    Ok((messages, more))
}

/// The same, the nearest ones first, however large.
async fn list_nearest(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    page: Page,
) -> Result<Vec<Message>, StoreError> {
    let statement = if page.after.is_some() {
        select_messages!(
            "",
            "FROM messages m WHERE m.channel = $1 AND m.seq > $2 AND m.seq < $3 AND NOT m.deleted
             ORDER BY m.seq LIMIT $4"
        )
    } else {
        PAGE
    };
    let after = page.after.unwrap_or(0);
    let before = page.before.unwrap_or(u64::MAX);
    let limit = i64::from(page.limit);
    snapshot
        .list(statement, &[&channel, &after, &before, &limit])
        .await
}

/// A message among at most `limit` on each side of it; none when there is no such message.
pub(crate) async fn list_around(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    message: MessageId,
    limit: u32,
) -> Result<Option<MessagesAround>, StoreError> {
    let Some(middle) = find_message(snapshot, channel, message).await? else {
        return Ok(None);
    };
    // One more tells whether there are more.
    let side = |before, after| Page {
        before,
        after,
        limit: limit + 1,
    };
    let older = side(Some(middle.seq), None);
    let (mut messages, more_before) = list_side(snapshot, channel, older).await?;
    let newer = side(None, Some(middle.seq));
    let (newer, more_after) = list_side(snapshot, channel, newer).await?;
    messages.reverse();
    messages.push(middle);
    messages.extend(newer);
    Ok(Some(MessagesAround {
        messages,
        more_before,
        more_after,
    }))
}

/// One side of a message, the nearest first, without the last one of a full page; and
/// whether there are more.
async fn list_side(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    page: Page,
) -> Result<(Vec<Message>, bool), StoreError> {
    let mut messages = list_nearest(snapshot, channel, page).await?;
    let full = messages.len() >= page.limit as usize;
    if full {
        messages.pop();
    }
    let cut = fit_messages(&mut messages, PAGE_BYTES / 2);
    Ok((messages, cut || full))
}

/// A page of the messages that answer one, oldest first.
pub(crate) async fn list_replies(
    snapshot: &mut Snapshot,
    (channel, answered): (ChannelId, MessageId),
    after: Option<u64>,
    limit: u32,
) -> Result<(Vec<Message>, bool), StoreError> {
    let after = after.unwrap_or(0);
    let mut messages: Vec<Message> = snapshot
        .list(REPLIES, &[&channel, &answered, &after, &i64::from(limit)])
        .await?;
    let more = fit_messages(&mut messages, PAGE_BYTES);
    Ok((messages, more))
}

/// A page of the pinned messages of a channel, the last pinned first. There are few, so they
/// need no index for their order.
pub(crate) async fn list_pins(
    snapshot: &mut Snapshot,
    channel: ChannelId,
    before: Option<u64>,
    limit: u32,
) -> Result<(Vec<Pin>, bool), StoreError> {
    let sql = select_messages!(
        ", p.pinned_by, p.pinned_at, p.place",
        "FROM pins p JOIN messages m ON m.channel = p.channel AND m.id = p.message
         WHERE p.channel = $1 AND p.place < $2 AND NOT m.deleted ORDER BY p.place DESC LIMIT $3"
    );
    let before = before.unwrap_or(u64::MAX);
    let mut pins: Vec<Pin> = snapshot
        .list(sql, &[&channel, &before, &i64::from(limit)])
        .await?;
    let sizes = pins.iter().map(|pin| pin.message.content.len());
    let kept = fitting(sizes, PAGE_BYTES);
    let more = kept < pins.len();
    pins.truncate(kept);
    Ok((pins, more))
}

/// A page of what a message said before its edits, the last version first.
pub(crate) async fn list_versions(
    snapshot: &mut Snapshot,
    (channel, message): (ChannelId, MessageId),
    before: Option<u64>,
    limit: u32,
) -> Result<(Vec<Version>, bool), StoreError> {
    // The event that told a version orders it; versions from before there was one are all first.
    let sql = "SELECT content, edited_at, coalesce(event, 0) FROM message_edits
               WHERE channel = $1 AND id = $2 AND coalesce(event, 0) < $3
               ORDER BY coalesce(event, 0) DESC, edited_at DESC LIMIT $4";
    let before = before.unwrap_or(u64::MAX);
    let mut versions: Vec<Version> = snapshot
        .list(sql, &[&channel, &message, &before, &i64::from(limit)])
        .await?;
    let sizes = versions.iter().map(|version| version.content.len());
    let kept = fitting(sizes, PAGE_BYTES);
    let more = kept < versions.len();
    versions.truncate(kept);
    Ok((versions, more))
}

/// Cuts a page where its texts are too many bytes; answers whether it was.
fn fit_messages(messages: &mut Vec<Message>, bytes: usize) -> bool {
    let sizes = messages.iter().map(|message| message.content.len());
    let kept = fitting(sizes, bytes);
    let more = kept < messages.len();
    messages.truncate(kept);
    more
}

/// How many of these sizes fit into a page; at least one.
pub(crate) fn fitting(sizes: impl Iterator<Item = usize>, mut left: usize) -> usize {
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
    use super::{super::Store, *};
    use crate::store::{explain::explain, read::reaction::REACTIONS};

    #[tokio::test]
    async fn pages_are_read_by_index_and_what_belongs_to_them_is_looked_up() {
        let store = Store::new(crate::fixture::database().await, 1);
        let mut connection = store.pool.acquire().await.unwrap();
        for (name, sql, parts) in [
            (
                "page",
                PAGE,
                ["messages_pkey", "pins_pkey", "hashed SubPlan"],
            ),
            (
                "replies",
                REPLIES,
                ["messages_replies", "pins_pkey", "hashed SubPlan"],
            ),
            (
                "reactions",
                REACTIONS,
                ["reaction_counts_pkey", "reactions_pkey", "Index"],
            ),
        ] {
            let (types, values) = if sql == REACTIONS {
                ("int8, int8[], int8", "1, '{1,2}', 1")
            } else {
                ("int8, int8, int8, int8", "1, 1, 9, 50")
            };
            let prepare = format!(
                "SET plan_cache_mode = force_generic_plan; PREPARE {name} ({types}) AS {sql}"
            );
            let execute = format!("VERBOSE EXECUTE {name} ({values})");
            let plan = explain(&mut connection, &prepare, &execute).await;
            assert!(!plan.contains("Seq Scan"), "{plan}");
            for part in parts {
                assert!(plan.contains(part), "{part}: {plan}");
            }
        }
    }

    #[test]
    fn a_page_ends_where_its_texts_would_be_too_many_bytes() {
        let fitting = |sizes: &[usize]| fitting(sizes.iter().copied(), PAGE_BYTES);
        assert_eq!(fitting(&[8_000; 200]), 32);
        assert_eq!(fitting(&[100; 200]), 200);
        assert_eq!(fitting(&[PAGE_BYTES + 1, 1]), 1);
        assert_eq!(fitting(&[]), 0);
    }
}
