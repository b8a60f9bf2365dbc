//! Messages: rows in arrays, edits and deletions one by one.

use shared::ids::{ChannelId, MessageId, UserId};
use tokio_postgres::types::Type;

use super::{Writer, machine::sql};
use crate::error::Error;

pub(super) const INSERT: &str = "
    INSERT INTO messages (channel, seq, id, author, content, reply_to)
    SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[], $6::int8[])";

/// Messages that are not stored yet, column by column.
#[derive(Debug, Default)]
pub(crate) struct NewMessages {
    channels: Vec<i64>,
    seqs: Vec<i64>,
    ids: Vec<i64>,
    authors: Vec<i64>,
    contents: Vec<String>,
    replies: Vec<Option<i64>>,
}

/// One message that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewRow {
    pub(crate) channel: ChannelId,
    pub(crate) seq: u64,
    pub(crate) id: MessageId,
    pub(crate) author: UserId,
    pub(crate) content: String,
    pub(crate) reply_to: Option<MessageId>,
}

impl NewMessages {
    pub(crate) fn push(&mut self, row: NewRow) {
        self.channels.push(row.channel.sql());
        self.seqs.push(sql(row.seq));
        self.ids.push(row.id.sql());
        self.authors.push(row.author.sql());
        self.contents.push(row.content);
        self.replies.push(row.reply_to.map(MessageId::sql));
    }
}

impl Writer {
    pub(super) async fn insert_messages(&self, messages: &NewMessages) -> Result<(), Error> {
        if messages.ids.is_empty() {
            return Ok(());
        }
        let NewMessages {
            channels,
            seqs,
            ids,
            authors,
            contents,
            replies,
        } = messages;
        self.client
            .execute(
                &self.hot.insert_messages,
                &[channels, seqs, ids, authors, contents, replies],
            )
            .await?;
        Ok(())
    }

    /// Writes the gathered messages now, so that what follows can read them.
    pub(crate) async fn flush_messages(&self, messages: &mut NewMessages) -> Result<(), Error> {
        self.insert_messages(messages).await?;
        *messages = NewMessages::default();
        Ok(())
    }

    /// Who wrote a message that is not deleted.
    pub(crate) async fn find_author(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<Option<UserId>, Error> {
        let rows = self
            .rows(
                "SELECT author FROM messages WHERE channel = $1 AND id = $2 AND NOT deleted",
                &[(&channel.sql(), Type::INT8), (&id.sql(), Type::INT8)],
            )
            .await?;
        rows.first()
            .map(|row| Ok(row.try_get::<_, i64>(0)?.try_into()?))
            .transpose()
    }

    /// Changes the text of a message and keeps what it said before.
    pub(crate) async fn edit_message(
        &self,
        channel: ChannelId,
        id: MessageId,
        content: &str,
        now_ms: u64,
    ) -> Result<(), Error> {
        self.write(
            "WITH old AS (SELECT content FROM messages WHERE channel = $1 AND id = $2),
                  kept AS (INSERT INTO message_edits (channel, id, edited_at, content)
                           SELECT $1, $2, $4, content FROM old)
             UPDATE messages SET content = $3, edited_at = $4 WHERE channel = $1 AND id = $2 RETURNING id",
            &[
                (&channel.sql(), Type::INT8),
                (&id.sql(), Type::INT8),
                (&content, Type::TEXT),
                (&sql(now_ms), Type::INT8),
            ],
        )
        .await?;
        Ok(())
    }

    /// Deletes a message: its text and its history go, its place stays taken.
    pub(crate) async fn delete_message(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<(), Error> {
        self.write(
            "WITH gone AS (DELETE FROM message_edits WHERE channel = $1 AND id = $2)
             UPDATE messages SET content = '', deleted = true WHERE channel = $1 AND id = $2 RETURNING id",
            &[(&channel.sql(), Type::INT8), (&id.sql(), Type::INT8)],
        )
        .await?;
        Ok(())
    }

    /// Deletes up to `limit` messages of a channel that is gone; answers how many.
    pub(crate) async fn purge_messages(
        &self,
        channel: ChannelId,
        limit: u32,
    ) -> Result<usize, Error> {
        self.write(
            "WITH gone AS (DELETE FROM messages WHERE channel = $1 AND seq IN
                              (SELECT seq FROM messages WHERE channel = $1 ORDER BY seq LIMIT $2) RETURNING id),
                  edits AS (DELETE FROM message_edits WHERE channel = $1 AND id IN (SELECT id FROM gone))
             SELECT id FROM gone",
            &[(&channel.sql(), Type::INT8), (&i64::from(limit), Type::INT8)],
        )
        .await
    }
}
