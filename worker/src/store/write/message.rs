//! Messages: rows in arrays, edits and deletions one by one.

use shared::ids::{AnyId, ChannelId, MessageId, ServerId, UserId};
use tokio_postgres::Row;

use super::{
    Connection, Reads,
    rows::{BatchedRow, Column, column},
    sql,
};
use crate::{error::StoreError, store::values::columns};

/// A message that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewMessageRow {
    pub(crate) channel: ChannelId,
    pub(crate) seq: u64,
    pub(crate) id: MessageId,
    pub(crate) author: UserId,
    pub(crate) content: String,
    pub(crate) reply_to: Option<MessageId>,
    /// The seq, in the topic of the server, of the event that tells it.
    pub(crate) event: u64,
    /// Whom it mentions; nobody, most of them.
    pub(crate) mentions: Vec<AnyId>,
}

/// The same of a message that mentions somebody, and the server that it is in.
#[derive(Debug)]
pub(crate) struct MentioningMessageRow(pub(crate) NewMessageRow, pub(crate) ServerId);

/// What rules ask of a message that a command names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownMessage {
    pub(crate) author: UserId,
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) mentions: Vec<AnyId>,
    /// How often it was changed.
    pub(crate) edits: u64,
}

columns! { KnownMessage { author, reply_to, mentions, edits } }

/// What happens to a message that is there.
#[derive(Debug)]
pub(crate) enum Revision {
    /// Its text is another one; what it said before is kept.
    Edit {
        channel: ChannelId,
        id: MessageId,
        content: String,
        now_ms: u64,
        /// The seq of the event that tells it.
        event: u64,
    },
    /// It mentions others than before.
    Mention {
        server: ServerId,
        channel: ChannelId,
        id: MessageId,
        before: Vec<AnyId>,
        after: Vec<AnyId>,
    },
    /// The texts of some go, and those before them, and all that others put to them; their
    /// places stay taken.
    Delete {
        channel: ChannelId,
        ids: Vec<MessageId>,
    },
}

impl Revision {
    /// Which messages they are.
    pub(crate) fn places(&self) -> Vec<(ChannelId, MessageId)> {
        match self {
            Self::Edit { channel, id, .. } | Self::Mention { channel, id, .. } => {
                vec![(*channel, *id)]
            }
            Self::Delete { channel, ids } => ids.iter().map(|id| (*channel, *id)).collect(),
        }
    }
}

impl BatchedRow for NewMessageRow {
    const STATEMENT: &'static str = "
        INSERT INTO messages (channel, seq, id, author, content, reply_to, event)
        SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[], $6::int8[], $7::int8[])";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |row| row.channel.sql()),
            column(rows, |row| sql(row.seq)),
            column(rows, |row| row.id.sql()),
            column(rows, |row| row.author.sql()),
            column(rows, |row| row.content.as_str()),
            column(rows, |row| row.reply_to.map(MessageId::sql)),
            column(rows, |row| sql(row.event)),
        ]
    }
}

impl BatchedRow for MentioningMessageRow {
    /// Arrays of arrays have one length in Postgres: whom each message mentions travels as
    /// text.
    const STATEMENT: &'static str = "
        WITH new AS (
            SELECT channel, seq, id, author, content, reply_to, event, server, mentions::int8[]
            FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[], $6::int8[], $7::int8[],
                        $8::int8[], $9::text[])
                AS w (channel, seq, id, author, content, reply_to, event, server, mentions)),
        told AS (
            INSERT INTO mentions (target, channel, seq, message, server)
            SELECT unnest(mentions), channel, seq, id, server FROM new)
        INSERT INTO messages (channel, seq, id, author, content, reply_to, event, mentions)
        SELECT channel, seq, id, author, content, reply_to, event, mentions FROM new";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |row| row.0.channel.sql()),
            column(rows, |row| sql(row.0.seq)),
            column(rows, |row| row.0.id.sql()),
            column(rows, |row| row.0.author.sql()),
            column(rows, |row| row.0.content.as_str()),
            column(rows, |row| row.0.reply_to.map(MessageId::sql)),
            column(rows, |row| sql(row.0.event)),
            column(rows, |row| row.1.sql()),
            column(rows, |row| array_text(&row.0.mentions)),
        ]
    }
}

/// Ids as Postgres writes an array.
fn array_text(ids: &[AnyId]) -> String {
    let ids: Vec<String> = ids.iter().map(AnyId::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

/// Messages of a channel that are looked through for the last one of a member, newest first:
/// who is not among them in a slow channel waited for long.
const LOOKED_THROUGH: i64 = 1_000;

/// The last message that the account sent to the channel, among its last 1,000.
pub(crate) async fn find_last_of(
    reads: Reads<'_>,
    channel: ChannelId,
    author: UserId,
) -> Result<Option<MessageId>, StoreError> {
    let sql = "SELECT max(m.id) FROM
                   (SELECT id, author FROM messages WHERE channel = $1
                    ORDER BY seq DESC LIMIT $3) m
               WHERE m.author = $2";
    let found: Option<Option<MessageId>> = reads
        .find(sql, &[&channel, &author, &LOOKED_THROUGH])
        .await?;
    Ok(found.flatten())
}

/// What is known of each of these messages; those that are deleted or never were are
/// missing.
pub(crate) async fn find_messages(
    reads: Reads<'_>,
    messages: &[(ChannelId, MessageId)],
) -> Result<Vec<((ChannelId, MessageId), KnownMessage)>, StoreError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let (channels, ids): (Vec<ChannelId>, Vec<MessageId>) = messages.iter().copied().unzip();
    // Nothing is counted of a message that was never changed.
    let sql = "SELECT m.channel, m.id, m.author, m.reply_to, coalesce(m.mentions, '{}'),
                   CASE WHEN m.edited_at IS NULL THEN 0 ELSE
                       (SELECT count(*) FROM message_edits e WHERE e.channel = m.channel AND e.id = m.id)
                   END
               FROM unnest($1::int8[], $2::int8[]) AS w (channel, id)
               JOIN messages m ON m.channel = w.channel AND m.id = w.id AND NOT m.deleted";
    reads.list(sql, &[&channels, &ids]).await
}

/// Who wrote a message, and what it says; none when it is deleted or never was.
pub(crate) async fn find_text(
    reads: Reads<'_>,
    channel: ChannelId,
    message: MessageId,
) -> Result<Option<(UserId, String)>, StoreError> {
    let sql = "SELECT author, content FROM messages
               WHERE channel = $1 AND id = $2 AND NOT deleted";
    reads.find(sql, &[&channel, &message]).await
}

/// Changes messages one after the other, in one pipeline.
pub(super) async fn revise_messages(
    connection: &Connection,
    revisions: &[Revision],
) -> Result<(), StoreError> {
    let revised = revisions
        .iter()
        .map(|revision| revise_message(connection, revision));
    let revised = futures_util::future::join_all(revised).await;
    revised
        .into_iter()
        .try_for_each(|revised| revised.map(drop))
}

async fn revise_message(
    connection: &Connection,
    revision: &Revision,
) -> Result<Vec<Row>, StoreError> {
    match revision {
        Revision::Edit {
            channel,
            id,
            content,
            now_ms,
            event,
        } => {
            let sql = "WITH old AS (SELECT content, event FROM messages WHERE channel = $1 AND id = $2),
                            kept AS (INSERT INTO message_edits (channel, id, edited_at, content, event)
                                     SELECT $1, $2, $4, content, event FROM old)
                       UPDATE messages SET content = $3, edited_at = $4, event = $5
                       WHERE channel = $1 AND id = $2 RETURNING id";
            connection
                .rows(sql, &[channel, id, content, now_ms, event])
                .await
        }
        Revision::Mention {
            server,
            channel,
            id,
            before,
            after,
        } => {
            let sql = "WITH gone AS (DELETE FROM mentions WHERE message = $2 AND target = ANY($4)),
                            told AS (INSERT INTO mentions (target, channel, seq, message, server)
                                     SELECT w.target, $1, m.seq, $2, $3
                                     FROM unnest($5::int8[]) AS w (target)
                                     JOIN messages m ON m.channel = $1 AND m.id = $2)
                       UPDATE messages SET mentions = $6 WHERE channel = $1 AND id = $2 RETURNING id";
            let without = |of: &[AnyId], others: &[AnyId]| -> Vec<AnyId> {
                let mut left = of.to_vec();
                left.retain(|id| !others.contains(id));
                left
            };
            let (gone, told) = (without(before, after), without(after, before));
            let kept = (!after.is_empty()).then_some(after);
            connection
                .rows(sql, &[channel, id, server, &gone, &told, &kept])
                .await
        }
        // The edits go when the events that told them have no text any more, and who reacted
        // then, too, as that may be many.
        Revision::Delete { channel, ids } => {
            let sql = "WITH old AS (UPDATE message_edits SET content = '' WHERE channel = $1 AND id = ANY($2)),
                            named AS (SELECT id, unnest(mentions) AS target FROM messages
                                      WHERE channel = $1 AND id = ANY($2) AND mentions IS NOT NULL),
                            told AS (DELETE FROM mentions m USING named n
                                     WHERE m.target = n.target AND m.message = n.id),
                            unpinned AS (DELETE FROM pins WHERE channel = $1 AND message = ANY($2)),
                            counted AS (DELETE FROM reaction_counts WHERE channel = $1 AND message = ANY($2))
                       UPDATE messages SET content = '', mentions = NULL, deleted = true
                       WHERE channel = $1 AND id = ANY($2) RETURNING id";
            connection.rows(sql, &[channel, ids]).await
        }
    }
}
