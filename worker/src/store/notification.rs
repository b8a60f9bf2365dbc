//! Who is told of a message: rows that the planner leaves, and that any worker ends when they are due.

use std::time::Duration;

use shared::{
    domain::notification::NotificationReason,
    ids::{ChannelId, MessageId, ServerId, UserId},
    protocol::notification::NotificationState,
};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::warn;

use super::{
    push::{INSERT, LIST_TOLD, NewPush, NewPushColumns, ToldDevice},
    statement,
    values::{Parameter, columns},
};
use crate::error::StoreError;

/// Who ends notifications holds this lock together with others who do; see [`await_deliveries`]. "cond" in ASCII.
const LOCK_CLASS: i32 = 0x636f_6e64;
/// One page is ended at a time.
const CONNECTIONS: u32 = 2;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// No look takes longer, and a worker that froze holds no rows for long. A plan that was made when the table was small
/// reads by index, too, as it is kept while the table grows.
const SETTINGS: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("jit", "off"),
    ("statement_timeout", "10s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// Somebody who is to be told of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewNotification {
    pub(crate) account: UserId,
    pub(crate) message: MessageId,
    pub(crate) server: ServerId,
    pub(crate) channel: ChannelId,
    pub(crate) seq: u64,
    pub(crate) reason: NotificationReason,
    /// How long it waits, in seconds.
    pub(crate) wait_s: u32,
    /// The trace parent of the message, where that is traced.
    pub(crate) trace: Option<String>,
}

/// One that is due.
#[derive(Debug, Clone)]
pub(crate) struct DueNotification {
    pub(crate) account: UserId,
    pub(crate) message: MessageId,
    pub(crate) server: ServerId,
    pub(crate) channel: ChannelId,
    pub(crate) seq: u64,
    /// How often it was begun before, in vain.
    pub(crate) attempts: i16,
    /// The trace parent of the message, where that is traced.
    pub(crate) trace: Option<String>,
}

/// Selects [`DueNotification`]s, which are `n`.
macro_rules! select_due {
    ($from:literal) => {
        concat!(
            "SELECT n.account, n.message, n.server, n.channel, n.seq, n.attempts, n.trace ",
            $from
        )
    };
}

pub(super) use select_due;

columns! { DueNotification { account, message, server, channel, seq, attempts, trace } }

/// Leaves a row for each account that is to be told; one that has a row for the message has it for its first reason.
pub(super) async fn insert_notifications(
    connection: &mut PgConnection,
    rows: &[NewNotification],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let accounts: Vec<UserId> = rows.iter().map(|row| row.account).collect();
    let messages: Vec<MessageId> = rows.iter().map(|row| row.message).collect();
    let servers: Vec<ServerId> = rows.iter().map(|row| row.server).collect();
    let channels: Vec<ChannelId> = rows.iter().map(|row| row.channel).collect();
    let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
    let reasons: Vec<i16> = rows
        .iter()
        .map(|row| i16::from(row.reason.number()))
        .collect();
    let waits: Vec<i32> = rows.iter().map(|row| row.wait_s.cast_signed()).collect();
    let traces: Vec<Option<&str>> = rows.iter().map(|row| row.trace.as_deref()).collect();
    let sql = "INSERT INTO notifications (account, message, server, channel, seq, reason, due, trace)
               SELECT account, message, server, channel, seq, reason, now() + wait * interval '1 second', trace
               FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int2[], $7::int4[], $8::text[])
                   AS w (account, message, server, channel, seq, reason, wait, trace)
               ON CONFLICT DO NOTHING";
    let parameters: [&dyn Parameter; 8] = [
        &accounts, &messages, &servers, &channels, &seqs, &reasons, &waits, &traces,
    ];
    statement::execute(connection, sql, &parameters).await?;
    Ok(())
}

/// Waits for those who are ending notifications: they may have read what is deleted by now, and their pushes are in the table then.
/// Who begins later reads that it is deleted. What is deleted does not stay in the log for one that is stuck: that is waited for as long as
/// for any lock.
pub(super) async fn await_deliveries(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut waiting = connection.begin().await?;
    let sql = "SELECT pg_advisory_lock($1, 0), pg_advisory_unlock($1, 0)";
    match statement::execute(&mut *waiting, sql, &[&LOCK_CLASS]).await {
        Ok(_) => waiting.commit().await?,
        Err(error) if error.is_outage() => return Err(error),
        Err(error) => {
            warn!(%error, "a delivery of notifications is not waited for");
            waiting.rollback().await?;
        }
    }
    Ok(())
}

/// The notifications of the deployment. Clones share the connections.
#[derive(Debug, Clone)]
pub(crate) struct Notifications {
    pool: PgPool,
}

impl Notifications {
    /// Connects when it is first needed.
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let options = options
            .options(SETTINGS)
            .application_name("confab-notifications");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Self { pool }
    }

    /// Begins with those that are due, up to a limit: first who is meant, then who is told of everything, or the other way
    /// round, and of each those that are due longest. Others that do the same pass over them.
    pub(crate) async fn begin(
        &self,
        limit: i64,
        general_first: bool,
    ) -> Result<DueTurn, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let lock = "SELECT pg_advisory_xact_lock_shared($1, 0)";
        statement::execute(&mut *transaction, lock, &[&LOCK_CLASS]).await?;
        let sql = select_due!(
            "FROM unnest('{f,t}'::bool[]) AS w (general)
             CROSS JOIN LATERAL (
                 SELECT * FROM notifications
                 WHERE state = 0 AND (reason >= 6) = w.general AND due <= now()
                 ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED) n
             ORDER BY w.general <> $2, n.due LIMIT $1"
        );
        let due = statement::list(&mut *transaction, sql, &[&limit, &general_first]).await?;
        Ok(DueTurn { transaction, due })
    }

    /// Lets one wait after it failed, or gives it up.
    pub(crate) async fn postpone(
        &self,
        due: &DueNotification,
        wait: Duration,
        gives_up: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE notifications SET due = now() + $3 * interval '1 second', attempts = attempts + 1,
                       state = CASE WHEN $4 THEN $5 ELSE state END
                   WHERE account = $1 AND message = $2 AND state = 0";
        let (wait, failed) = (wait.as_secs_f64(), NotificationState::Failed);
        let parameters: [&dyn Parameter; 5] =
            [&due.account, &due.message, &wait, &gives_up, &failed];
        statement::execute(&self.pool, sql, &parameters).await?;
        Ok(())
    }

    /// How long the oldest that is due waits, in seconds.
    pub(crate) async fn find_overdue(&self) -> Result<f64, StoreError> {
        let sql =
            "SELECT coalesce(extract(epoch FROM now() - min(n.due)), 0)::float8
                   FROM unnest('{f,t}'::bool[]) AS w (general)
                   CROSS JOIN LATERAL (
                       SELECT due FROM notifications
                       WHERE state = 0 AND (reason >= 6) = w.general AND due <= now() ORDER BY due LIMIT 1) n";
        statement::get(&self.pool, sql, &[]).await
    }

    /// Ends its connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// One transaction in which some notifications end. It changes nothing unless it is finished.
pub(crate) struct DueTurn {
    transaction: Transaction<'static, Postgres>,
    /// Those that are due.
    pub(crate) due: Vec<DueNotification>,
}

impl DueTurn {
    /// The devices of these accounts that pushes go to.
    pub(crate) async fn list_devices(
        &mut self,
        accounts: &[UserId],
    ) -> Result<Vec<ToldDevice>, StoreError> {
        statement::list(&mut *self.transaction, LIST_TOLD, &[&accounts]).await
    }

    /// Ends each notification in the state at its place, leaves the pushes, and commits.
    pub(crate) async fn finish(
        mut self,
        states: &[NotificationState],
        pushes: &[NewPush],
    ) -> Result<(), StoreError> {
        let accounts: Vec<UserId> = self.due.iter().map(|due| due.account).collect();
        let messages: Vec<MessageId> = self.due.iter().map(|due| due.message).collect();
        let states: Vec<i16> = states
            .iter()
            .map(|state| i16::from(state.number()))
            .collect();
        let sql = "UPDATE notifications n SET state = w.state
                   FROM unnest($1::int8[], $2::int8[], $3::int2[]) AS w (account, message, state)
                   WHERE n.account = w.account AND n.message = w.message";
        let parameters: [&dyn Parameter; 3] = [&accounts, &messages, &states];
        statement::execute(&mut *self.transaction, sql, &parameters).await?;
        if !pushes.is_empty() {
            let columns = NewPushColumns::new(pushes);
            statement::execute(&mut *self.transaction, INSERT, &columns.parameters()).await?;
        }
        Ok(self.transaction.commit().await?)
    }
}
