//! Jobs: rows that any worker claims, and the slices of their work. A slice and
//! what it says about its job are one transaction.

use std::time::{Duration, Instant};

use shared::{
    bus::envelope::pack,
    ids::{AnyId, ChannelId, MessageId, ServerId, UserId, first_raw},
};
use sqlx::{
    PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    enqueue::enqueue_job,
    export::{self, ExportPlace},
    notification::{self, NewNotification},
    redact::{self, Deleted},
    statement,
    values::{Parameter, columns},
};
use crate::error::StoreError;

/// The purge of a deleted channel: its server and itself.
pub(crate) const CHANNEL_PURGE: &str = "channel_purge";
/// The redaction of a deleted message that failed when its event was read: the topic and
/// the body of that event.
pub(crate) const REDACTION: &str = "event_redaction";
/// The redaction of an event whose text is gone: its topic and its seq.
pub(crate) const EVENT_REDACTION: &str = "text_redaction";
/// The redaction of a deleted message, as programs from before left it: the server, the channel and the message.
pub(crate) const OLD_REDACTION: &str = "redaction";

/// The purge of a deleted server: itself.
pub(crate) const SERVER_PURGE: &str = "server_purge";
/// What is left to do after an account was deleted: the account, and up to where its own topic
/// is done.
pub(crate) const ACCOUNT_PURGE: &str = "account_purge";
/// The same once more, when nothing that was under way can write any more: until then the account
/// may be a member somewhere, and what it sent before may be executed.
pub(crate) const ACCOUNT_SWEEP: &str = "account_sweep";
/// How long after the deletion that is looked at, in seconds: no request waits as long.
pub(crate) const SWEEP_AFTER_S: i64 = 900;
/// Who is told of a message that calls upon many: the message, where they are found, and behind which account it goes on.
pub(crate) const NOTIFICATION_PLAN: &str = "notification_plan";
/// Notifications of messages before an id.
pub(crate) const NOTIFICATION_PURGE: &str = "notification_purge";
/// What is past its time in the audit log: the actions of each category, and the lowest id kept.
pub(crate) const AUDIT_PURGE: &str = "audit_purge";
/// The reports that were resolved, or made and not resolved, before a time in milliseconds since 1970.
pub(crate) const REPORT_PURGE: &str = "report_purge";

/// A job and what waits are looked at on one connection, a slice has another.
const CONNECTIONS: u32 = 2;
/// How long a job waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// No slice takes longer, and none waits long for a lane. A plan that was made when its table was
/// small reads by index, too, as it is kept while the table grows.
const SETTINGS: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("jit", "off"),
    ("statement_timeout", "20s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// A job that this worker has until its lease ends.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
    /// How often it was begun since it last got on, with this time.
    pub(crate) attempts: i16,
    /// Names this claim: who lost it writes nothing.
    claim: i64,
}

/// What is left of a kind.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) kind: String,
    /// Seconds since the oldest was left.
    pub(crate) age: f64,
    /// How many wait for a person.
    pub(crate) parked: i64,
}

columns! { Job { id, kind, body, attempts, claim } }
columns! { Waiting { kind, age, parked } }

/// The table of jobs. Clones share the connections.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    pool: PgPool,
}

impl Jobs {
    /// Connects when it is first needed.
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let options = options.options(SETTINGS).application_name("confab-jobs");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Self { pool }
    }

    /// Claims the job that has been due longest, for `lease` seconds: a worker that
    /// looks meanwhile takes another one. The attempt is counted now, so that a job
    /// that ends its worker is counted, too.
    pub(crate) async fn claim_job(
        &self,
        kinds: &[&str],
        lease: f64,
    ) -> Result<Option<Job>, StoreError> {
        let sql = "UPDATE jobs SET lease = now() + $2 * interval '1 second', claim = claim + 1,
                                   attempts = attempts + 1
                   WHERE id = (SELECT id FROM jobs
                               WHERE NOT parked AND due <= now() AND lease <= now() AND kind = ANY($1)
                               ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED)
                   RETURNING id, kind, body, attempts, claim";
        statement::find(&self.pool, sql, &[&kinds, &lease]).await
    }

    /// Begins a slice of a job that was claimed.
    pub(crate) async fn begin_slice(&self) -> Result<JobSlice, StoreError> {
        Ok(JobSlice {
            began: Instant::now(),
            transaction: self.pool.begin().await?,
        })
    }

    /// Lets the last look at a deleted account wait as long as it is still a member of a server, which
    /// is no failure; answers whether it does.
    pub(crate) async fn awaits_leaving(
        &self,
        job: &Job,
        account: UserId,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE jobs SET due = now() + $3::int8 * interval '1 second',
                                   lease = '-infinity', attempts = 0, problem = NULL
                   WHERE id = $1 AND claim = $2 AND EXISTS (
                       SELECT FROM members WHERE account = $4)";
        let parameters: [&dyn Parameter; 4] = [&job.id, &job.claim, &SWEEP_AFTER_S, &account];
        Ok(statement::execute(&self.pool, sql, &parameters).await? > 0)
    }

    /// Lets a job wait after a failure, in seconds, or for a person.
    pub(crate) async fn postpone_job(
        &self,
        job: &Job,
        wait: Duration,
        parked: bool,
        problem: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET due = now() + $3 * interval '1 second', lease = '-infinity',
                                   parked = $4, problem = $5
                   WHERE id = $1 AND claim = $2";
        statement::execute(
            &self.pool,
            sql,
            &[&job.id, &job.claim, &wait.as_secs_f64(), &parked, &problem],
        )
        .await?;
        Ok(())
    }

    /// What waits, by kind.
    pub(crate) async fn list_waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let sql = "SELECT kind, extract(epoch FROM now() - min(created_at))::float8,
                          count(*) FILTER (WHERE parked)
                   FROM jobs GROUP BY kind";
        statement::list(&self.pool, sql, &[]).await
    }

    /// How many pairs of internal commands wait for a person, and the age in seconds
    /// of the oldest internal command.
    pub(crate) async fn survey_internal(&self) -> Result<(i64, f64), StoreError> {
        let sql = "SELECT (SELECT count(*) FROM internal_inbox WHERE parked),
                   coalesce((SELECT extract(epoch FROM now() - min(left_at)) FROM internal_outbox), 0)::float8";
        statement::get(&self.pool, sql, &[]).await
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// One transaction of a job: what it does, and then what it says about its job. It changes nothing
/// unless it is finished.
pub(crate) struct JobSlice {
    began: Instant,
    transaction: Transaction<'static, Postgres>,
}

impl JobSlice {
    /// Deletes up to `limit` reactions of a channel that is gone; then as many messages, and
    /// their texts in the log. Answers whether there may be more, as the other purges do.
    pub(crate) async fn purge_channel(
        &mut self,
        (server, channel): (ServerId, ChannelId),
        limit: u32,
    ) -> Result<bool, StoreError> {
        let connection = &mut *self.transaction;
        let most = i64::from(limit);
        let reactions = redact::purge_reactions(connection, channel, None, most).await?;
        if reactions >= u64::from(limit) {
            return Ok(true);
        }
        let (count, seqs) = redact::purge_messages(connection, channel.sql(), most).await?;
        redact::redact_events(connection, server.sql(), &seqs).await?;
        Ok(count >= limit as usize)
    }

    /// Deletes up to `limit` reactions to a message that is gone.
    pub(crate) async fn purge_reactions(
        &mut self,
        (channel, message): (ChannelId, MessageId),
        limit: u32,
    ) -> Result<bool, StoreError> {
        let (connection, most) = (&mut *self.transaction, i64::from(limit));
        let count = redact::purge_reactions(connection, channel, Some(message), most).await?;
        Ok(count >= u64::from(limit))
    }

    /// Deletes a slice of what belonged to a server that is gone, and leaves the messages of its
    /// channels to jobs of their own.
    pub(crate) async fn purge_server(
        &mut self,
        server: ServerId,
        limit: u32,
    ) -> Result<bool, StoreError> {
        let connection = &mut *self.transaction;
        let (more, channels) = redact::purge_server(connection, server, limit.into()).await?;
        for channel in channels {
            enqueue_job(connection, CHANNEL_PURGE, &pack(&(server, channel))).await?;
        }
        Ok(more)
    }

    /// Does a slice of what is left to do after an account was deleted; answers up to where its own
    /// topic is done, if there may be more.
    pub(crate) async fn purge_account(
        &mut self,
        (account, after): (UserId, u64),
        limit: u32,
    ) -> Result<Option<u64>, StoreError> {
        redact::purge_account(&mut self.transaction, account, after, limit.into()).await
    }

    /// Deletes up to `limit` entries of each category of the audit log that are past their time.
    pub(crate) async fn purge_entries(
        &mut self,
        past: &[(Vec<i16>, u64)],
        limit: u32,
    ) -> Result<bool, StoreError> {
        let mut full = false;
        for (actions, kept) in past {
            let sql = "DELETE FROM audit_entries WHERE (server, id) IN
                           (SELECT server, id FROM audit_entries
                            WHERE action = ANY($1) AND id < $2 LIMIT $3)";
            full |= self.fills(sql, [actions, kept], limit).await?;
        }
        Ok(full)
    }

    /// Deletes up to `limit` reports that were resolved before a time, and as many that are older and
    /// still open: what nobody looks at is kept no longer than what was decided.
    pub(crate) async fn purge_reports(
        &mut self,
        kept_since_ms: u64,
        limit: u32,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM reports WHERE (server, id) IN
                       (SELECT server, id FROM reports
                        WHERE resolution IS NOT NULL AND resolved_at < $1 LIMIT $2)";
        let resolved = self.fills(sql, [&kept_since_ms], limit).await?;
        let sql = "DELETE FROM reports WHERE (server, id) IN
                       (SELECT server, id FROM reports
                        WHERE resolution IS NULL AND id < $1 LIMIT $2)";
        let open = self.fills(sql, [&first_raw(kept_since_ms)], limit).await?;
        Ok(resolved || open)
    }

    /// Deletes up to `limit` notifications of messages before one.
    pub(crate) async fn purge_notifications(
        &mut self,
        before: u64,
        limit: u32,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM notifications WHERE (account, message) IN
                       (SELECT account, message FROM notifications WHERE message < $1 LIMIT $2)";
        self.fills(sql, [&before], limit).await
    }

    /// Executes a statement whose last parameter is how much it changes at most; answers whether it
    /// did.
    async fn fills<const N: usize>(
        &mut self,
        sql: &'static str,
        parameters: [&dyn Parameter; N],
        limit: u32,
    ) -> Result<bool, StoreError> {
        let most = i64::from(limit);
        let mut parameters = parameters.to_vec();
        parameters.push(&most);
        let changed = statement::execute(&mut *self.transaction, sql, &parameters).await?;
        Ok(changed >= u64::from(limit))
    }

    /// Writes a slice of an export, unless it was deleted, or there is another one by now; answers
    /// where it goes on.
    pub(crate) async fn write_export(
        &mut self,
        (user, id, place): (UserId, AnyId, ExportPlace),
    ) -> Result<Option<ExportPlace>, StoreError> {
        let connection = &mut *self.transaction;
        let Some(size) = export::lock_export(connection, user, id).await? else {
            return Ok(None);
        };
        let (lines, next) = export::read_slice(connection, user, place).await?;
        let (size, cut) = export::append_lines(connection, user, size, &lines).await?;
        let next = next.filter(|_| !cut);
        export::note_size(connection, user, size, (next.is_none(), cut)).await?;
        Ok(next)
    }

    /// Deletes a slice of the exports that were started before a time.
    pub(crate) async fn purge_exports(&mut self, before_ms: u64) -> Result<bool, StoreError> {
        export::purge_export(&mut self.transaction, before_ms).await
    }

    /// Leaves a row for each account that is to be told of a message.
    pub(crate) async fn insert_notifications(
        &mut self,
        rows: &[NewNotification],
    ) -> Result<(), StoreError> {
        notification::insert_notifications(&mut self.transaction, rows).await
    }

    /// Leaves another job.
    pub(crate) async fn enqueue_job(&mut self, kind: &str, body: &[u8]) -> Result<(), StoreError> {
        enqueue_job(&mut self.transaction, kind, body).await
    }

    /// Takes the texts of deleted messages out of the log.
    pub(crate) async fn redact_messages(&mut self, deleted: Deleted) -> Result<(), StoreError> {
        redact::redact_messages(&mut self.transaction, &[deleted]).await
    }

    /// Takes the text of an event out of the log.
    pub(crate) async fn redact_event(
        &mut self,
        (topic, seq): (i64, i64),
    ) -> Result<(), StoreError> {
        redact::redact_events(&mut self.transaction, topic, &[seq]).await?;
        Ok(())
    }

    /// Commits: with the body of the next slice, which is due after `rest` times as long as this one
    /// took, or, where nothing is left, the last. Who lost his lease has done nothing.
    pub(crate) async fn finish(
        mut self,
        job: &Job,
        next: Option<&[u8]>,
        rest: f64,
    ) -> Result<(), StoreError> {
        let connection = &mut *self.transaction;
        let moved = if let Some(body) = next {
            let pause = self.began.elapsed().as_secs_f64() * rest;
            let sql = "UPDATE jobs SET due = now() + $3 * interval '1 second', lease = '-infinity',
                                       attempts = 0, problem = NULL, body = $4
                       WHERE id = $1 AND claim = $2";
            let parameters: [&dyn Parameter; 4] = [&job.id, &job.claim, &pause, &body];
            statement::execute(connection, sql, &parameters).await?
        } else {
            let sql = "DELETE FROM jobs WHERE id = $1 AND claim = $2";
            statement::execute(connection, sql, &[&job.id, &job.claim]).await?
        };
        if moved == 1 {
            return Ok(self.transaction.commit().await?);
        }
        self.transaction.rollback().await?;
        Err(StoreError::Fenced)
    }
}
