//! Takes what was deleted out of the event log: the event stays, so that the seqs
//! of its topic stay dense, and its text goes.

use shared::{
    ids::{ChannelId, MessageId},
    protocol::{
        self, Event as _,
        message::{MessageCreated, MessageEdited},
    },
};
use sqlx::PgConnection;

use super::statement;
use crate::error::StoreError;

/// Takes the texts out of these events of a topic; answers how many held one.
pub(crate) async fn redact_events(
    connection: &mut PgConnection,
    topic: i64,
    seqs: &[i64],
) -> Result<usize, StoreError> {
    let sql = "SELECT seq, day::text, opcode, body FROM events WHERE topic = $1 AND seq = ANY($2)";
    let told: Vec<(i64, String, i32, Vec<u8>)> =
        statement::list(&mut *connection, sql, &[&topic, &seqs]).await?;
    let (mut places, mut days, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for (seq, day, opcode, body) in told {
        if let Some(body) = without_text(opcode, &body) {
            places.push(seq);
            days.push(day);
            bodies.push(body);
        }
    }
    if places.is_empty() {
        return Ok(0);
    }
    let sql = "UPDATE events e SET body = w.body
               FROM unnest($2::bigint[], $3::text[], $4::bytea[]) AS w (seq, day, body)
               WHERE e.topic = $1 AND e.seq = w.seq AND e.day = w.day::date";
    statement::execute(connection, sql, &[&topic, &places, &days, &bodies]).await?;
    Ok(places.len())
}

/// The body without its text; none when it has no text (any more), or is of a kind
/// that this program does not know.
fn without_text(opcode: i32, body: &[u8]) -> Option<Vec<u8>> {
    if opcode == i32::from(MessageCreated::OPCODE) {
        let mut told: MessageCreated = protocol::decode(body).ok()?;
        let text = std::mem::take(&mut told.message.content);
        told.message.mentions.clear();
        (!text.is_empty()).then(|| protocol::encode(&told))
    } else if opcode == i32::from(MessageEdited::OPCODE) {
        let mut told: MessageEdited = protocol::decode(body).ok()?;
        let text = std::mem::take(&mut told.content);
        told.mentions.clear();
        (!text.is_empty()).then(|| protocol::encode(&told))
    } else {
        None
    }
}

/// Takes a deleted message out of the log of its server, wherever its text was
/// told, and forgets its edits.
pub(crate) async fn redact_message(
    connection: &mut PgConnection,
    topic: i64,
    (channel, message): (ChannelId, MessageId),
) -> Result<(), StoreError> {
    let sql = "WITH edits AS (DELETE FROM message_edits WHERE channel = $1 AND id = $2 RETURNING event)
               SELECT event FROM edits WHERE event IS NOT NULL
               UNION ALL
               SELECT event FROM messages WHERE channel = $1 AND id = $2 AND deleted AND event IS NOT NULL";
    let seqs: Vec<i64> = statement::list(&mut *connection, sql, &[&channel, &message]).await?;
    redact_events(connection, topic, &seqs).await?;
    Ok(())
}

/// Deletes up to `limit` messages of a channel that is gone; answers how many, and
/// the seqs of the events that told their texts.
pub(crate) async fn purge_messages(
    connection: &mut PgConnection,
    channel: i64,
    limit: i64,
) -> Result<(usize, Vec<i64>), StoreError> {
    let sql = "WITH gone AS (
                   DELETE FROM messages WHERE channel = $1 AND seq IN
                       (SELECT seq FROM messages WHERE channel = $1 ORDER BY seq LIMIT $2)
                   RETURNING id, event, mentions),
               told AS (
                   DELETE FROM mentions m USING (SELECT id, unnest(mentions) AS target FROM gone) g
                   WHERE m.target = g.target AND m.message = g.id),
               edits AS (
                   DELETE FROM message_edits WHERE channel = $1 AND id IN (SELECT id FROM gone)
                   RETURNING id, event)
               SELECT g.event, coalesce((SELECT array_agg(e.event) FROM edits e
                                         WHERE e.id = g.id AND e.event IS NOT NULL), '{}')
               FROM gone g";
    let rows: Vec<(Option<i64>, Vec<i64>)> =
        statement::list(connection, sql, &[&channel, &limit]).await?;
    let count = rows.len();
    let seqs = rows
        .into_iter()
        .flat_map(|(event, edits)| event.into_iter().chain(edits))
        .collect();
    Ok((count, seqs))
}
