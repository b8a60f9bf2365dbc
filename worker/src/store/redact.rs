//! Takes what was deleted out of the event log: the event stays, so that the seqs
//! of its topic stay dense, and its text goes.

use std::collections::BTreeMap;

use shared::{
    bus::envelope::pack,
    ids::{ChannelId, MessageId, ServerId, UserId},
};
use sqlx::PgConnection;

use super::{event_text::without_text, statement};
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
                   RETURNING id, event),
               blocks AS (
                   DELETE FROM search_blocks WHERE channel = $1 AND last_id IN
                       (SELECT last_id FROM search_blocks WHERE channel = $1 ORDER BY last_id LIMIT $2))
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

/// Does a slice of what is left to do after an account was deleted, at most `limit` rows of one
/// kind; answers up to where its own topic is done, and none when all is.
pub(crate) async fn purge_account(
    connection: &mut PgConnection,
    account: UserId,
    after: u64,
    limit: i64,
) -> Result<Option<u64>, StoreError> {
    let full = u64::try_from(limit).unwrap_or(u64::MAX);
    let sql = "DELETE FROM registers WHERE account = $1 AND (kind, key) IN
                   (SELECT kind, key FROM registers WHERE account = $1 LIMIT $2)";
    let registers = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let sql = "DELETE FROM register_heads WHERE account = $1";
    statement::execute(&mut *connection, sql, &[&account]).await?;
    let sql = "DELETE FROM invite_uses WHERE account = $1 AND code IN
                   (SELECT code FROM invite_uses WHERE account = $1 LIMIT $2)";
    let uses = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let sql = "DELETE FROM mentions WHERE target = $1 AND message IN
                   (SELECT message FROM mentions WHERE target = $1 LIMIT $2)";
    let mentions = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let sql = "DELETE FROM told_names WHERE account = $1 AND (topic, seq) IN
                   (SELECT topic, seq FROM told_names WHERE account = $1 LIMIT $2)
               RETURNING topic, seq";
    let told: Vec<(i64, i64)> = statement::list(&mut *connection, sql, &[&account, &limit]).await?;
    let names = told.len() as u64;
    let mut by_topic: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (topic, seq) in told {
        by_topic.entry(topic).or_default().push(seq);
    }
    for (topic, seqs) in by_topic {
        redact_events(connection, topic, &seqs).await?;
    }
    let sql = "SELECT seq FROM events WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let own: Vec<i64> = statement::list(&mut *connection, sql, &[&account, &after, &limit]).await?;
    redact_events(connection, account.sql(), &own).await?;
    let done = own.last().map_or(after, |seq| seq.cast_unsigned());
    let more = [registers, uses, mentions, names, own.len() as u64].contains(&full);
    Ok(more.then_some(done))
}

/// What belonged to a server that is gone and is not a channel's: each deletes up to `$2` rows of
/// the server `$1`. A table that may be large for one server has its line here, and no foreign
/// key that would delete it in a lane's turn.
const SERVER_PURGES: [&str; 7] = [
    "DELETE FROM members WHERE server = $1 AND account IN
         (SELECT account FROM members WHERE server = $1 LIMIT $2)",
    "DELETE FROM bans WHERE server = $1 AND account IN
         (SELECT account FROM bans WHERE server = $1 LIMIT $2)",
    "DELETE FROM silences WHERE server = $1 AND (account, channel) IN
         (SELECT account, channel FROM silences WHERE server = $1 LIMIT $2)",
    "DELETE FROM invite_uses WHERE (code, account) IN
         (SELECT u.code, u.account FROM invites i JOIN invite_uses u ON u.code = i.code
          WHERE coalesce(i.server, 0) = $1 LIMIT $2)",
    "DELETE FROM invites WHERE code IN
         (SELECT code FROM invites WHERE coalesce(server, 0) = $1 LIMIT $2)",
    "DELETE FROM audit_entries WHERE server = $1 AND id IN
         (SELECT id FROM audit_entries WHERE server = $1 LIMIT $2)",
    "DELETE FROM roles WHERE server = $1 AND id IN
         (SELECT id FROM roles WHERE server = $1 LIMIT $2)",
];
/// Channels of one slice, each with up to 100 overrides; their messages are jobs of their own.
const PURGED_CHANNELS: i64 = 10;

/// Deletes up to `limit` rows of one kind of a server that is gone; answers whether there may be
/// more, and the channels whose messages are to be purged now.
pub(crate) async fn purge_server(
    connection: &mut PgConnection,
    server: ServerId,
    limit: i64,
) -> Result<(bool, Vec<ChannelId>), StoreError> {
    for sql in SERVER_PURGES {
        let gone = statement::execute(&mut *connection, sql, &[&server, &limit]).await?;
        if gone >= limit.unsigned_abs() {
            return Ok((true, Vec::new()));
        }
    }
    let sql = "DELETE FROM channels WHERE id IN
                   (SELECT id FROM channels WHERE server = $1 LIMIT $2) RETURNING id";
    let channels: Vec<ChannelId> =
        statement::list(connection, sql, &[&server, &PURGED_CHANNELS]).await?;
    Ok((!channels.is_empty(), channels))
}
