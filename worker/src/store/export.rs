//! Exports: everything personal of an account as lines of JSON, read in steps of a few hundred rows
//! and appended to parts.
//!
//! No index says what somebody wrote: it would cost every message of everybody. So the messages of
//! the servers where he is or was a member are looked through once, by their places.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use shared::{
    domain::limits::MAX_EXPORT_BYTES,
    ids::{AnyId, ChannelId, EPOCH_MS, ServerId, UserId},
};
use sqlx::PgConnection;

use super::{statement, values::Parameter};
use crate::error::StoreError;

/// The job that writes an export: the account, the export, and where it goes on.
pub(crate) const EXPORT: &str = "account_export";
/// The job that deletes exports that were started before a time in milliseconds since 1970.
pub(crate) const EXPORT_PURGE: &str = "export_purge";

/// Bytes of a part, unless one line is longer: an answer that goes in one message of the bus.
const PART_BYTES: usize = 64 * 1_024;
/// Rows of a section that one step reads, at most.
const SECTION_ROWS: i64 = 500;
/// Messages that one step looks at: a few milliseconds, and six mebibytes if all are his.
const STEP_MESSAGES: u64 = 500;
/// Steps of a slice, at most.
const STEPS: usize = 32;
/// With this many bytes of lines a slice ends.
const SLICE_BYTES: usize = 256 * 1_024;
/// After this time a slice ends.
const SLICE_TIME: Duration = Duration::from_millis(100);
/// Parts that are deleted at once: some mebibytes.
const PURGED_PARTS: i64 = 100;

/// Where an export goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ExportPlace {
    /// The parts of the last export are there.
    Clear,
    /// A section about the account, behind a row.
    Account(usize, i64),
    /// A section about a server, behind a row; 0 is the deployment.
    Server(u64, usize, i64),
    /// The messages of a server: those of a channel behind a seq.
    Channel(u64, u64, u64),
}

/// How large an export is: parts, and bytes in them.
pub(crate) type ExportSize = (u32, u64);

impl ExportPlace {
    /// Where it begins.
    pub(crate) const FIRST: Self = Self::Clear;
}

/// What is said of an account, whatever the server. Each takes the account, a server, the place
/// behind which it goes on, how many rows, and when ids begin; each answers places and lines.
const ACCOUNT_SECTIONS: [&str; 10] = [
    "SELECT id, json_build_object('kind', 'account', 'account_id', id, 'name', name, 'guest', guest,
         'admin', admin, 'avatar', avatar, 'bio', bio, 'locale', locale,
         'created_at', (id >> 12) + $5,
         'status', (SELECT json_build_object('text', s.text, 'until', s.until, 'status',
                        (ARRAY['online', 'idle', 'dnd', 'invisible'])[s.status + 1])
                    FROM statuses s WHERE s.account = id))::text
     FROM accounts WHERE id = $1 AND id > $3",
    "SELECT id, json_build_object('kind', 'session', 'session_id', id, 'device', device,
         'opened_at', (id >> 12) + $5)::text
     FROM sessions WHERE account = $1 AND id > $3 ORDER BY id LIMIT $4",
    "SELECT m.server, json_build_object('kind', 'membership', 'server_id', m.server,
         'server', s.name, 'owner', s.owner = m.account, 'nickname', m.nickname,
         'joined_at', m.joined_at, 'timeout_until',
         (SELECT until FROM silences z WHERE z.server = m.server AND z.account = m.account
              AND z.channel = 0),
         'roles', (SELECT coalesce(json_agg(json_build_object('role_id', r.id, 'name', r.name)
                                            ORDER BY r.id), '[]')
                   FROM roles r WHERE r.server = m.server AND r.id = ANY(m.roles)))::text
     FROM members m JOIN servers s ON s.id = m.server
     WHERE m.account = $1 AND m.server > $3 ORDER BY m.server LIMIT $4",
    "SELECT f.server, json_build_object('kind', 'former_membership', 'server_id', f.server,
         'server', s.name)::text
     FROM former_members f JOIN servers s ON s.id = f.server
     WHERE f.account = $1 AND f.server > $3
         AND NOT EXISTS (SELECT FROM members m WHERE m.server = f.server AND m.account = $1)
     ORDER BY f.server LIMIT $4",
    "SELECT key, json_build_object('kind', CASE kind WHEN 1 THEN 'read_cursor'
             WHEN 2 THEN 'notification_level' ELSE 'setting' END,
         'register', kind, 'key', key, 'value', value)::text
     FROM registers WHERE account = $1 AND key > $3
     ORDER BY key FETCH FIRST ($4) ROWS WITH TIES",
    "SELECT floor(extract(epoch FROM u.used_at) * 1000000)::int8,
         json_build_object('kind', 'invite_use', 'code', u.code, 'server_id', i.server,
             'opened_account', u.opened_account, 'used_at', floor(extract(epoch FROM u.used_at) * 1000)::int8)::text
     FROM invite_uses u JOIN invites i ON i.code = u.code
     WHERE u.account = $1 AND floor(extract(epoch FROM u.used_at) * 1000000)::int8 > $3
     ORDER BY 1 FETCH FIRST ($4) ROWS WITH TIES",
    "SELECT id, json_build_object('kind', 'report', 'report_id', id, 'server_id', server,
         'channel_id', channel, 'message_id', message, 'category', category, 'text', text,
         'resolution', resolution, 'made_at', (id >> 12) + $5)::text
     FROM reports WHERE reporter = $1 AND id > $3 ORDER BY id LIMIT $4",
    "SELECT id, json_build_object('kind', 'push_device', 'device_id', id, 'name', name,
         'service', service, 'subscribed_at', (id >> 12) + $5)::text
     FROM push_devices WHERE account = $1 AND id > $3 ORDER BY id LIMIT $4",
    "SELECT account, json_build_object('kind', 'notification_settings', 'keywords', keywords, 'private', private,
         'quiet_from', quiet_from, 'quiet_to', quiet_to, 'zone', zone)::text
     FROM notification_settings WHERE account = $1 AND account > $3",
    "SELECT message, json_build_object('kind', 'notification', 'message_id', message, 'channel_id', channel,
         'reason', reason, 'state', state)::text
     FROM notifications WHERE account = $1 AND message > $3 ORDER BY message LIMIT $4",
];

/// What is said of an account in one server: the invites that it made and what it did there as
/// one who moderates. What it did it to is named, not shown.
const SERVER_SECTIONS: [&str; 2] = [
    "SELECT floor(extract(epoch FROM created_at) * 1000000)::int8,
         json_build_object('kind', 'invite', 'code', code, 'server_id', server, 'uses', uses,
             'max_uses', max_uses, 'revoked', revoked,
             'created_at', floor(extract(epoch FROM created_at) * 1000)::int8,
             'expires_at', floor(extract(epoch FROM expires_at) * 1000)::int8)::text
     FROM invites WHERE coalesce(server, 0) = $2 AND creator = $1
         AND floor(extract(epoch FROM created_at) * 1000000)::int8 > $3
     ORDER BY 1 FETCH FIRST ($4) ROWS WITH TIES",
    "SELECT id, json_build_object('kind', 'audit_entry', 'entry_id', id, 'server_id', server,
         'action', action, 'target_id', target, 'reason', reason, 'done_at', (id >> 12) + $5)::text
     FROM audit_entries WHERE server = $2 AND actor = $1 AND id > $3 ORDER BY id LIMIT $4",
];

/// The messages of an account among those of a stretch of a channel.
const MESSAGES: &str = "
    SELECT json_build_object('kind', 'message', 'server_id', $2, 'channel_id', channel,
        'message_id', id, 'content', content, 'reply_to', reply_to, 'edited_at', edited_at,
        'sent_at', (id >> 12) + $6)::text
    FROM messages WHERE channel = $3 AND seq > $4 AND seq <= $5 AND author = $1 AND NOT deleted
    ORDER BY seq";

/// How the account reacted to the messages of a stretch: each of the few emoji that are counted is
/// looked for, however many others put it there.
const REACTIONS: &str = "
    SELECT json_build_object('kind', 'reaction', 'server_id', $2, 'channel_id', m.channel,
        'message_id', m.id, 'emoji', c.emoji)::text
    FROM messages m
    JOIN reaction_counts c ON c.channel = m.channel AND c.message = m.id
    JOIN reactions r ON r.channel = m.channel AND r.message = m.id AND r.emoji = c.emoji
        AND r.account = $1
    WHERE m.channel = $3 AND m.seq > $4 AND m.seq <= $5 AND $6 > 0
    ORDER BY m.seq, c.place";

/// Reads a slice: its lines, and where the next one goes on, if anything is left.
pub(super) async fn read_slice(
    connection: &mut PgConnection,
    user: UserId,
    from: ExportPlace,
) -> Result<(Vec<String>, Option<ExportPlace>), StoreError> {
    let began = Instant::now();
    let (mut lines, mut place) = (Vec::new(), Some(from));
    for _ in 0..STEPS {
        let Some(here) = place else { break };
        place = take_step(connection, user, here, &mut lines).await?;
        let bytes: usize = lines.iter().map(String::len).sum();
        if bytes >= SLICE_BYTES || began.elapsed() >= SLICE_TIME {
            break;
        }
    }
    Ok((lines, place))
}

async fn take_step(
    connection: &mut PgConnection,
    user: UserId,
    place: ExportPlace,
    lines: &mut Vec<String>,
) -> Result<Option<ExportPlace>, StoreError> {
    const START: i64 = -1;
    Ok(Some(match place {
        ExportPlace::Clear => {
            if delete_parts(connection, user).await? {
                ExportPlace::Clear
            } else {
                ExportPlace::Account(0, START)
            }
        }
        ExportPlace::Account(number, after) => {
            let Some(sql) = ACCOUNT_SECTIONS.get(number) else {
                return Ok(Some(ExportPlace::Server(0, 0, START)));
            };
            match read_section(connection, sql, (user, 0), after, lines).await? {
                Some(last) => ExportPlace::Account(number, last),
                None => ExportPlace::Account(number + 1, START),
            }
        }
        ExportPlace::Server(server, number, after) => {
            let Some(sql) = SERVER_SECTIONS.get(number) else {
                return Ok(Some(ExportPlace::Channel(server, 0, 0)));
            };
            match read_section(connection, sql, (user, server), after, lines).await? {
                Some(last) => ExportPlace::Server(server, number, last),
                None => ExportPlace::Server(server, number + 1, START),
            }
        }
        ExportPlace::Channel(server, channel, seq) => {
            let sql = "SELECT id FROM channels
                       WHERE server = $1 AND (id > $2 OR id = $2 AND last_seq > $3)
                       ORDER BY id LIMIT 1";
            let found = statement::find(&mut *connection, sql, &[&server, &channel, &seq]).await?;
            let Some(here) = found.map(ChannelId::get) else {
                let next = find_server(connection, user, server).await?;
                return Ok(next.map(|server| ExportPlace::Server(server.get(), 0, START)));
            };
            let seq = if here == channel { seq } else { 0 };
            let until = seq + STEP_MESSAGES;
            for sql in [MESSAGES, REACTIONS] {
                let parameters: [&dyn Parameter; 6] =
                    [&user, &server, &here, &seq, &until, &EPOCH_MS];
                let more: Vec<String> = statement::list(&mut *connection, sql, &parameters).await?;
                lines.extend(more);
            }
            ExportPlace::Channel(server, here, until)
        }
    }))
}

/// Reads a page of a section; the last place of a full one.
async fn read_section(
    connection: &mut PgConnection,
    sql: &'static str,
    (user, server): (UserId, u64),
    after: i64,
    lines: &mut Vec<String>,
) -> Result<Option<i64>, StoreError> {
    let parameters: [&dyn Parameter; 5] = [&user, &server, &after, &SECTION_ROWS, &EPOCH_MS];
    let rows: Vec<(i64, String)> = statement::list(connection, sql, &parameters).await?;
    let full = rows.len() as u64 >= SECTION_ROWS.unsigned_abs();
    let last = rows.last().filter(|_| full).map(|(place, _)| *place);
    lines.extend(rows.into_iter().map(|(_, line)| line));
    Ok(last)
}

/// The next server where the account is or was a member.
async fn find_server(
    connection: &mut PgConnection,
    user: UserId,
    after: u64,
) -> Result<Option<ServerId>, StoreError> {
    let sql = "SELECT s.id FROM servers s
               JOIN (SELECT server FROM members WHERE account = $1 AND server > $2
                     UNION SELECT server FROM former_members WHERE account = $1 AND server > $2) w
                   ON w.server = s.id
               ORDER BY s.id LIMIT 1";
    statement::find(connection, sql, &[&user, &after]).await
}

/// How large an export is that is being written; none when it is not, or is another one by now.
/// It stays so until the transaction ends.
pub(super) async fn lock_export(
    connection: &mut PgConnection,
    user: UserId,
    id: AnyId,
) -> Result<Option<ExportSize>, StoreError> {
    let sql = "SELECT parts, bytes FROM exports
               WHERE account = $1 AND id = $2 AND finished_at IS NULL FOR UPDATE";
    statement::find(connection, sql, &[&user, &id]).await
}

/// Appends lines to the last part, and begins new ones where it is full. What would be too many
/// bytes in all is left out: answers whether that is so.
pub(super) async fn append_lines(
    connection: &mut PgConnection,
    user: UserId,
    (parts, bytes): ExportSize,
    lines: &[String],
) -> Result<(ExportSize, bool), StoreError> {
    let more: usize = lines.iter().map(|line| line.len() + 1).sum();
    let grown = bytes + more as u64;
    if lines.is_empty() || grown > MAX_EXPORT_BYTES {
        return Ok(((parts, bytes), !lines.is_empty()));
    }
    let mut number = parts.saturating_sub(1);
    let sql = "SELECT lines FROM export_parts WHERE account = $1 AND number = $2";
    let last: Option<String> = statement::find(&mut *connection, sql, &[&user, &number]).await?;
    let mut last = last.unwrap_or_default();
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for line in lines {
        if !last.is_empty() && last.len() + line.len() >= PART_BYTES {
            numbers.push(number.cast_signed());
            texts.push(std::mem::take(&mut last));
            number += 1;
        }
        last.push_str(line);
        last.push('\n');
    }
    numbers.push(number.cast_signed());
    texts.push(last);
    let sql = "INSERT INTO export_parts (account, number, lines)
               SELECT $1, n, l FROM unnest($2::int4[], $3::text[]) AS w (n, l)
               ON CONFLICT (account, number) DO UPDATE SET lines = excluded.lines";
    statement::execute(connection, sql, &[&user, &numbers, &texts]).await?;
    Ok(((number + 1, grown), false))
}

/// Says how large an export is, and whether it is finished, and cut.
pub(super) async fn note_size(
    connection: &mut PgConnection,
    user: UserId,
    (parts, bytes): ExportSize,
    (finished, cut): (bool, bool),
) -> Result<u64, StoreError> {
    let sql = "UPDATE exports SET parts = $2, bytes = $3, cut = $5, finished_at =
                   CASE WHEN $4 THEN floor(extract(epoch FROM now()) * 1000)::int8 END
               WHERE account = $1";
    let parameters: [&dyn Parameter; 5] = [&user, &parts, &bytes, &finished, &cut];
    statement::execute(connection, sql, &parameters).await
}

/// Deletes some parts of an account's export; answers whether there may be more.
async fn delete_parts(connection: &mut PgConnection, user: UserId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM export_parts WHERE account = $1 AND number IN
                   (SELECT number FROM export_parts WHERE account = $1 LIMIT $2)";
    let gone = statement::execute(connection, sql, &[&user, &PURGED_PARTS]).await?;
    Ok(gone >= PURGED_PARTS.unsigned_abs())
}

/// Deletes the export of an account, in slices: from the first one on nothing is written to it.
/// Answers whether there may be more.
pub(super) async fn delete_export(
    connection: &mut PgConnection,
    user: UserId,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM exports WHERE account = $1";
    statement::execute(&mut *connection, sql, &[&user]).await?;
    delete_parts(connection, user).await
}

/// Deletes some of an export that was finished before a time; answers whether there may be more.
pub(super) async fn purge_export(
    connection: &mut PgConnection,
    finished_before_ms: u64,
) -> Result<bool, StoreError> {
    let sql = "SELECT account FROM exports WHERE finished_at < $1
               ORDER BY finished_at LIMIT 1 FOR UPDATE";
    let found: Option<UserId> =
        statement::find(&mut *connection, sql, &[&finished_before_ms]).await?;
    let Some(user) = found else {
        return Ok(false);
    };
    if !delete_parts(&mut *connection, user).await? {
        let sql = "DELETE FROM exports WHERE account = $1";
        statement::execute(connection, sql, &[&user]).await?;
    }
    Ok(true)
}
