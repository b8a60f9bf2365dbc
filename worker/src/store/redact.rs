//! Takes what was deleted out of the event log: the event stays, so that the seqs
//! of its topic stay dense, and its text goes.

use shared::{
    bus::envelope::pack,
    ids::{ChannelId, MessageId},
    protocol::{
        self, Event as _,
        member::NicknameChanged,
        message::{MessageCreated, MessageEdited},
    },
};
use sqlx::PgConnection;

use super::statement;
use crate::error::StoreError;

/// The job that deletes who reacted to a deleted message: its channel and itself.
pub(crate) const REACTION_PURGE: &str = "reaction_purge";
/// Reactions that go with their message; more are left to a job.
const REACTIONS_AT_ONCE: i64 = 1_000;

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
    } else if opcode == i32::from(NicknameChanged::OPCODE) {
        let mut told: NicknameChanged = protocol::decode(body).ok()?;
        told.nickname.take().map(|_text| protocol::encode(&told))
    } else {
        None
    }
}

/// Takes deleted messages out of the log of their server, wherever their texts were told, and
/// forgets their edits and who reacted to them.
pub(crate) async fn redact_messages(
    connection: &mut PgConnection,
    topic: i64,
    (channel, messages): (ChannelId, &[MessageId]),
) -> Result<(), StoreError> {
    let sql = "WITH edits AS (DELETE FROM message_edits WHERE channel = $1 AND id = ANY($2) RETURNING event)
               SELECT event FROM edits WHERE event IS NOT NULL
               UNION ALL
               SELECT event FROM messages WHERE channel = $1 AND id = ANY($2) AND deleted AND event IS NOT NULL";
    let seqs: Vec<i64> = statement::list(&mut *connection, sql, &[&channel, &messages]).await?;
    redact_events(&mut *connection, topic, &seqs).await?;
    for message in messages {
        let gone =
            purge_reactions(&mut *connection, channel, Some(*message), REACTIONS_AT_ONCE).await?;
        if gone >= REACTIONS_AT_ONCE.unsigned_abs() {
            let body = pack(&(channel, *message)).to_vec();
            let sql = "INSERT INTO jobs (kind, body) VALUES ($1, $2)";
            statement::execute(&mut *connection, sql, &[&REACTION_PURGE, &body]).await?;
        }
    }
    Ok(())
}

/// Deletes up to `limit` reactions, of a message or of a whole channel; answers how many.
pub(crate) async fn purge_reactions(
    connection: &mut PgConnection,
    channel: ChannelId,
    message: Option<MessageId>,
    limit: i64,
) -> Result<u64, StoreError> {
    let sql = if message.is_some() {
        "DELETE FROM reactions WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM reactions WHERE channel = $1 AND message = $3 LIMIT $2))"
    } else {
        "DELETE FROM reactions WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM reactions WHERE channel = $1 AND $3::int8 IS NULL LIMIT $2))"
    };
    statement::execute(connection, sql, &[&channel, &limit, &message]).await
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
               counted AS (
                   DELETE FROM reaction_counts c USING gone g
                   WHERE c.channel = $1 AND c.message = g.id),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::{protocol::message::EVENTS, wire::Shape};

    use super::*;

    /// Events with a text that leaves the log when what it belongs to is deleted.
    const REDACTED: [&str; 2] = ["message_created", "message_edited"];
    /// Events whose text nobody wrote freely: an emoji.
    const KEPT: [&str; 2] = ["reaction_added", "reaction_removed"];

    fn has_text(shape: &Shape) -> bool {
        match shape {
            Shape::Text => true,
            Shape::Optional(inner) | Shape::List(inner) => has_text(inner),
            Shape::Struct(shape) => shape.fields.iter().any(|field| has_text(&(field.shape)())),
            _ => false,
        }
    }

    #[test]
    fn it_is_known_of_every_event_of_a_message_whether_its_text_leaves_the_log() {
        let with_text = EVENTS.iter().filter(|row| has_text(&(row.body.shape)()));
        let unknown: BTreeSet<&str> = with_text
            .map(|row| row.name)
            .filter(|name| !REDACTED.contains(name) && !KEPT.contains(name))
            .collect();
        assert!(unknown.is_empty(), "say of each: {unknown:?}");
    }

    #[test]
    fn what_is_redacted_says_nothing_any_more() {
        for row in EVENTS.iter().filter(|row| REDACTED.contains(&row.name)) {
            let body = without_text(i32::from(row.opcode), &(row.body.sample)()).unwrap();
            let json = (row.body.to_json)(&body).unwrap();
            assert!(json.contains("\"content\":\"\""), "{json}");
            assert!(json.contains("\"mentions\":[]"), "{json}");
            assert_eq!(
                without_text(i32::from(row.opcode), &body),
                None,
                "once is enough"
            );
        }
    }
}
