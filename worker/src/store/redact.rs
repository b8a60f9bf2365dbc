//! Takes what was deleted out of the event log: the event stays, so that the seqs
//! of its topic stay dense, and its text goes.

use std::collections::BTreeMap;

use shared::{
    bus::envelope::pack,
    ids::{ChannelId, MessageId, ServerId, UserId},
};
use sqlx::PgConnection;

use super::{
    enqueue::enqueue_job, event_text::without_text, export, notification::await_deliveries,
    push::fall_back, statement,
};
use crate::error::StoreError;

/// The job that deletes who reacted to a deleted message: its channel and itself.
pub(crate) const REACTION_PURGE: &str = "reaction_purge";
/// Reactions that go with their message; more are left to a job.
const REACTIONS_AT_ONCE: i64 = 1_000;

/// What a deletion names.
pub(crate) type Deleted = (ServerId, ChannelId, Vec<MessageId>);

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

/// Takes deleted messages out of the log of their servers, wherever their texts were told, and
/// forgets their edits, who reacted to them, and what devices were to be told of them.
pub(crate) async fn redact_messages(
    connection: &mut PgConnection,
    deleted: &[Deleted],
) -> Result<(), StoreError> {
    await_deliveries(&mut *connection).await?;
    for (server, channel, messages) in deleted {
        redact_in_channel(&mut *connection, server.sql(), (*channel, messages)).await?;
    }
    Ok(())
}

async fn redact_in_channel(
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
    let sql = fall_back!(
        ", claim = claim + 1 WHERE p.id IN (
              SELECT id FROM pushes WHERE message = ANY($1) ORDER BY id FOR UPDATE SKIP LOCKED)"
    );
    statement::execute(&mut *connection, sql, &[&messages]).await?;
    // One that is under way just now is not waited for: if it comes back, it is asked about again.
    let sql = "DELETE FROM pushes WHERE id IN (
                   SELECT id FROM pushes WHERE message = ANY($1) AND replaced = '{}' ORDER BY id FOR UPDATE SKIP LOCKED)";
    statement::execute(&mut *connection, sql, &[&messages]).await?;
    for message in messages {
        let gone =
            purge_reactions(&mut *connection, channel, Some(*message), REACTIONS_AT_ONCE).await?;
        if gone >= REACTIONS_AT_ONCE.unsigned_abs() {
            let body = pack(&(channel, *message));
            enqueue_job(&mut *connection, REACTION_PURGE, &body).await?;
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
    await_deliveries(&mut *connection).await?;
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
               pushed AS (
                   DELETE FROM pushes WHERE id IN (
                       SELECT p.id FROM pushes p JOIN gone g ON g.id = p.message FOR UPDATE OF p SKIP LOCKED)),
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

/// Takes up to `limit` rows of each kind of what an account wrote, or what was written of it, out of
/// reports and audit logs; answers whether more are left. What was done, and when, stays.
pub(crate) async fn redact_moderation(
    connection: &mut PgConnection,
    account: i64,
    limit: i64,
) -> Result<bool, StoreError> {
    let mut more = false;
    for sql in [
        "UPDATE reports SET content = '' WHERE (server, id) IN
             (SELECT server, id FROM reports WHERE author = $1 AND content <> '' LIMIT $2)",
        "UPDATE reports SET text = '' WHERE (server, id) IN
             (SELECT server, id FROM reports WHERE reporter = $1 AND text <> '' LIMIT $2)",
        "UPDATE reports SET note = '' WHERE (server, id) IN
             (SELECT server, id FROM reports WHERE resolver = $1 AND note <> '' LIMIT $2)",
        "UPDATE bans SET reason = '' WHERE (server, account) IN
             (SELECT server, account FROM bans WHERE banned_by = $1 AND reason <> '' LIMIT $2)",
        "UPDATE audit_entries SET reason = '' WHERE (server, id) IN
             (SELECT server, id FROM audit_entries WHERE actor = $1 AND reason <> '' LIMIT $2)",
        "UPDATE audit_entries SET before = NULL, after = NULL WHERE (server, id) IN
             (SELECT server, id FROM audit_entries
              WHERE target = $1 AND (before IS NOT NULL OR after IS NOT NULL) LIMIT $2)",
    ] {
        let redacted = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
        more |= i64::try_from(redacted).unwrap_or(i64::MAX) >= limit;
    }
    Ok(more)
}

/// What an account has one row of, or few.
const ACCOUNT_PURGES: [&str; 4] = [
    "DELETE FROM statuses WHERE account = $1",
    "DELETE FROM notification_settings WHERE account = $1",
    "DELETE FROM keywords WHERE account = $1",
    "DELETE FROM pushes WHERE account = $1",
];

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
    for sql in ACCOUNT_PURGES {
        statement::execute(&mut *connection, sql, &[&account]).await?;
    }
    let sql = "DELETE FROM notifications WHERE account = $1 AND message IN
                   (SELECT message FROM notifications WHERE account = $1 LIMIT $2)";
    let notifications = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let sql = "DELETE FROM watchers WHERE account = $1 AND scope IN
                   (SELECT scope FROM watchers WHERE account = $1 LIMIT $2)";
    let watched = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let sql = "DELETE FROM invite_uses WHERE account = $1 AND code IN
                   (SELECT code FROM invite_uses WHERE account = $1 LIMIT $2)";
    let uses = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let sql = "DELETE FROM mentions WHERE target = $1 AND message IN
                   (SELECT message FROM mentions WHERE target = $1 LIMIT $2)";
    let mentions = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let sql = "DELETE FROM former_members WHERE account = $1 AND server IN
                   (SELECT server FROM former_members WHERE account = $1 LIMIT $2)";
    let left = statement::execute(&mut *connection, sql, &[&account, &limit]).await?;
    let exported = export::delete_export(&mut *connection, account).await?;
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
    let moderation = redact_moderation(connection, account.sql(), limit).await?;
    let rows = [
        registers,
        notifications,
        watched,
        uses,
        mentions,
        left,
        names,
        own.len() as u64,
    ];
    let more = moderation || exported || rows.contains(&full);
    Ok(more.then_some(done))
}

/// What belonged to a server that is gone and is not a channel's: each deletes up to `$2` rows of
/// the server `$1`. A table that may be large for one server has its line here, and no foreign
/// key that would delete it in a lane's turn.
const SERVER_PURGES: [&str; 10] = [
    "DELETE FROM members WHERE server = $1 AND account IN
         (SELECT account FROM members WHERE server = $1 LIMIT $2)",
    "DELETE FROM former_members WHERE server = $1 AND account IN
         (SELECT account FROM former_members WHERE server = $1 LIMIT $2)",
    "DELETE FROM bans WHERE server = $1 AND account IN
         (SELECT account FROM bans WHERE server = $1 LIMIT $2)",
    "DELETE FROM deletions WHERE server = $1 AND author IN
         (SELECT author FROM deletions WHERE server = $1 LIMIT $2)",
    "DELETE FROM silences WHERE server = $1 AND (account, channel) IN
         (SELECT account, channel FROM silences WHERE server = $1 LIMIT $2)",
    "DELETE FROM invite_uses WHERE (code, account) IN
         (SELECT u.code, u.account FROM invites i JOIN invite_uses u ON u.code = i.code
          WHERE coalesce(i.server, 0) = $1 LIMIT $2)",
    "DELETE FROM invites WHERE code IN
         (SELECT code FROM invites WHERE coalesce(server, 0) = $1 LIMIT $2)",
    "DELETE FROM audit_entries WHERE server = $1 AND id IN
         (SELECT id FROM audit_entries WHERE server = $1 LIMIT $2)",
    "DELETE FROM reports WHERE server = $1 AND id IN
         (SELECT id FROM reports WHERE server = $1 LIMIT $2)",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_account_wrote_leaves_reports_and_audit_logs_in_slices() {
        let (_options, pool) = crate::fixture::database_and_pool().await;
        // Accounts 1 to 3 in turns: who reports whom, who resolves it, and who does what to whom.
        let put = "INSERT INTO servers (id, name, owner) VALUES (1, 'one', 1);
            INSERT INTO reports (server, id, reporter, channel, message, author, category, text,
                                 content, resolution, resolver, resolved_at, note)
            SELECT 1, n, 1 + n % 3, 1, n, 1 + (n + 1) % 3, 0, 'text ' || 1 + n % 3,
                   'content ' || 1 + (n + 1) % 3, 1, 1 + (n + 2) % 3, 1, 'note ' || 1 + (n + 2) % 3
            FROM generate_series(1, 30) n;
            INSERT INTO audit_entries (server, id, action, actor, target, reason, before)
            SELECT 1, n, 36, 1 + n % 3, 1 + (n + 1) % 3, 'reason ' || 1 + n % 3,
                   'before ' || 1 + (n + 1) % 3 FROM generate_series(1, 30) n;
            INSERT INTO bans (server, account, reason, banned_by, banned_at)
            SELECT 1, n, 'ban ' || 1 + n % 3, 1 + n % 3, 1 FROM generate_series(1, 30) n";
        sqlx::raw_sql(put).execute(&pool).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let mut slices = 1;
        while redact_moderation(&mut connection, 2, 4).await.unwrap() {
            slices += 1;
        }
        assert_eq!(slices, 3, "ten of each, four at a time");
        let texts: Vec<String> = sqlx::query_scalar(
            "SELECT unnest(ARRAY[text, content, note]) FROM reports
             UNION ALL SELECT unnest(ARRAY[reason, coalesce(before, '')]) FROM audit_entries
             UNION ALL SELECT reason FROM bans",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let left = |account: &str| texts.iter().filter(|text| text.ends_with(account)).count();
        assert_eq!((left("1"), left("2"), left("3")), (60, 0, 60));
    }
}
