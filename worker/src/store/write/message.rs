//! Messages: rows in arrays, edits and deletions one by one.

use shared::ids::{ChannelId, MessageId, UserId};
use tokio_postgres::types::Type;

use super::{
    Connection, Reads,
    rows::{BatchedRow, Column, column},
    sql,
};
use crate::error::Error;

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
}

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
    /// Its text goes, and those before it; its place stays taken.
    Delete { channel: ChannelId, id: MessageId },
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

/// Who wrote each of these messages; those that are deleted or never were are
/// missing.
pub(crate) async fn find_authors(
    reads: Reads<'_>,
    messages: &[(ChannelId, MessageId)],
) -> Result<Vec<((ChannelId, MessageId), UserId)>, Error> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let channels: Vec<i64> = messages.iter().map(|(channel, _)| channel.sql()).collect();
    let ids: Vec<i64> = messages.iter().map(|(_, id)| id.sql()).collect();
    let rows = reads.rows(
            "SELECT m.channel, m.id, m.author FROM unnest($1::int8[], $2::int8[]) AS w (channel, id)
             JOIN messages m ON m.channel = w.channel AND m.id = w.id AND NOT m.deleted",
            &[(&channels, Type::INT8_ARRAY), (&ids, Type::INT8_ARRAY)],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let channel = row.try_get::<_, i64>(0)?.try_into()?;
            let id = row.try_get::<_, i64>(1)?.try_into()?;
            Ok(((channel, id), row.try_get::<_, i64>(2)?.try_into()?))
        })
        .collect()
}

/// Changes messages one after the other, in one pipeline.
pub(super) async fn revise(connection: &Connection, revisions: &[Revision]) -> Result<(), Error> {
    let revised = revisions
        .iter()
        .map(|revision| revise_one(connection, revision));
    let revised = futures_util::future::join_all(revised).await;
    revised.into_iter().collect()
}

async fn revise_one(connection: &Connection, revision: &Revision) -> Result<(), Error> {
    match revision {
        Revision::Edit {
            channel,
            id,
            content,
            now_ms,
            event,
        } => {
            connection.rows(
                "WITH old AS (SELECT content, event FROM messages WHERE channel = $1 AND id = $2),
                      kept AS (INSERT INTO message_edits (channel, id, edited_at, content, event)
                               SELECT $1, $2, $4, content, event FROM old)
                 UPDATE messages SET content = $3, edited_at = $4, event = $5
                 WHERE channel = $1 AND id = $2 RETURNING id",
                &[
                    (&channel.sql(), Type::INT8),
                    (&id.sql(), Type::INT8),
                    (content, Type::TEXT),
                    (&sql(*now_ms), Type::INT8),
                    (&sql(*event), Type::INT8),
                ],
            )
            .await?;
        }
        // The edits go when the events that told them have no text any more.
        Revision::Delete { channel, id } => {
            connection.rows(
                "WITH gone AS (UPDATE message_edits SET content = '' WHERE channel = $1 AND id = $2)
                 UPDATE messages SET content = '', deleted = true
                 WHERE channel = $1 AND id = $2 RETURNING id",
                &[(&channel.sql(), Type::INT8), (&id.sql(), Type::INT8)],
            )
            .await?;
        }
    }
    Ok(())
}
