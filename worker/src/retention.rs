//! The retention: the parts of the log, a day each, and of the nonces, a week each, are made
//! ahead and dropped later. Without today's part no lane could commit. What is past its time in
//! the audit log, and of exports, is left to a job.

use std::time::Duration;

use shared::{
    bus::envelope::pack,
    clock::Clock,
    domain::{
        audit::{Action, Category},
        limits::EXPORT_KEPT_MS,
    },
    ids::first_raw,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::AuditConfig,
    day::{Day, MS_PER_DAY},
    error::StoreError,
    store::{
        PgConnectOptions,
        export::EXPORT_PURGE,
        jobs::{AUDIT_PURGE, NOTIFICATION_PURGE, REPORT_PURGE},
        retention::{DailyTables, Parent},
    },
};

/// How many days are made ahead: a weekend without any worker does no harm.
const AHEAD: i64 = 3;
/// How long it is known what became of telling somebody of a message, in milliseconds: a week.
const NOTIFICATIONS_KEPT_MS: u64 = 7 * MS_PER_DAY;
/// How often the days are looked at when all went well.
const PERIOD: Duration = Duration::from_hours(1);
/// How soon they are looked at again when it did not.
const RETRY: Duration = Duration::from_secs(10);

/// Makes the daily tables ahead, and drops those past the retention.
#[derive(Clone)]
pub(crate) struct Retention {
    options: PgConnectOptions,
    clock: Clock,
    /// How many days before today are kept.
    kept_days: u16,
}

impl Retention {
    /// Days in the database of `options`, which must be a direct connection:
    /// an advisory lock belongs to it. At least one day before today is kept.
    pub(crate) fn new(options: PgConnectOptions, clock: Clock, kept_days: u16) -> Self {
        Self {
            options,
            clock,
            kept_days: kept_days.max(1),
        }
    }

    /// Looks at the days every hour until `stop`, and at the audit log.
    pub(crate) async fn run(&self, audit: AuditConfig, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.roll_all(audit).await {
                Ok(()) => PERIOD,
                Err(error) => {
                    tracing::warn!(%error, "the days could not be made or dropped");
                    RETRY
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Makes the days that are missing, then drops those past the retention.
    /// Workers do this one after the other, on a connection that ends with it.
    pub(crate) async fn roll(&self) -> Result<(), StoreError> {
        let mut tables = DailyTables::lock(&self.options).await?;
        let today = Day::of_ms(self.clock.now_ms());
        let result = self.roll_locked(&mut tables, today).await;
        tables.unlock().await;
        result
    }

    /// The same, and leaves jobs to purge the audit log, reports, exports and notifications, unless there are some.
    pub(crate) async fn roll_all(&self, audit: AuditConfig) -> Result<(), StoreError> {
        self.roll().await?;
        let now = self.clock.now_ms();
        let entries = pack(&past_entries(audit, now));
        let reports = pack(&kept_since(audit.audit_rules_days, now));
        let mut tables = DailyTables::lock(&self.options).await?;
        let mut result = Ok(());
        let exports = pack(&now.saturating_sub(EXPORT_KEPT_MS));
        let notifications = pack(&first_raw(now.saturating_sub(NOTIFICATIONS_KEPT_MS)));
        for (kind, body) in [
            (AUDIT_PURGE, entries),
            (REPORT_PURGE, reports),
            (EXPORT_PURGE, exports),
            (NOTIFICATION_PURGE, notifications),
        ] {
            if result.is_ok() {
                result = tables.enqueue_once(kind, &body).await;
            }
        }
        tables.unlock().await;
        result
    }

    async fn roll_locked(&self, tables: &mut DailyTables, today: Day) -> Result<(), StoreError> {
        let mut found = tables.list_tables().await?;
        for parent in Parent::ALL {
            for day in (-1..=AHEAD).map(|ahead| today.plus(ahead)) {
                let holds = |day| found.iter().any(|table| table.holds(parent, day));
                if !holds(day) {
                    let next = (1..parent.days)
                        .map(|days| day.plus(days))
                        .find(|day| holds(*day));
                    found.push(tables.make_table(parent, day, next).await?);
                }
            }
        }
        let oldest = today.plus(-i64::from(self.kept_days));
        for table in found.iter().filter(|table| table.end <= oldest) {
            tables.drop_table(table).await?;
            tracing::info!("dropped {} of {}", table.day, table.parent);
        }
        tables.forget_names(oldest).await?;
        tables.free_names().await
    }
}

/// The numbers of actions, and the lowest id that is kept of them: by category, in the body of a job.
pub(crate) type PastEntries = Vec<(Vec<i16>, u64)>;

fn past_entries(audit: AuditConfig, now_ms: u64) -> PastEntries {
    let mut past = PastEntries::new();
    for (category, days) in [
        (Category::Structure, audit.audit_structure_days),
        (Category::Members, audit.audit_members_days),
        (Category::Messages, audit.audit_messages_days),
        (Category::Rules, audit.audit_rules_days),
    ] {
        let actions = Action::all().filter(|action| action.category() == category);
        let actions = actions.map(|action| i16::from(action.number())).collect();
        past.push((actions, first_raw(kept_since(days, now_ms))));
    }
    past
}

fn kept_since(days: u16, now_ms: u64) -> u64 {
    now_ms.saturating_sub(u64::from(days) * MS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use shared::bus::envelope::unpack;

    use super::*;
    use crate::{
        fixture::{NOW, database_and_pool},
        store::jobs::{Job, JobSlice, Jobs},
    };

    const AUDIT: AuditConfig = AuditConfig {
        audit_structure_days: 40,
        audit_members_days: 30,
        audit_messages_days: 20,
        audit_rules_days: 10,
    };

    /// Twice, as by two workers.
    async fn rolled(options: PgConnectOptions) -> Jobs {
        let retention = Retention::new(options.clone(), Clock::manual(NOW), 7);
        retention.roll_all(AUDIT).await.unwrap();
        retention.roll_all(AUDIT).await.unwrap();
        Jobs::new(options)
    }

    async fn finish(slice: JobSlice, job: &Job, more: bool) {
        let next = more.then_some(&job.body[..]);
        slice.finish(job, next, 0.0).await.unwrap();
    }

    #[tokio::test]
    async fn reports_go_some_time_after_they_were_resolved_or_if_nobody_does() {
        let (options, pool) = database_and_pool().await;
        let put = "INSERT INTO servers (id, name, owner) VALUES (1, 'one', 1);
            INSERT INTO reports (server, id, channel, message, author, category, text, content)
            SELECT 1, {old} + n, 1, n, 1, 0, '', 'said' FROM generate_series(1, 130) n;
            UPDATE reports SET resolution = 1, resolver = 1, resolved_at = 1 WHERE message > 30;
            UPDATE reports SET id = id - 1000, resolution = NULL WHERE message > 100";
        let old = first_raw(kept_since(10, NOW));
        let put = put.replace("{old}", &old.to_string());
        sqlx::raw_sql(sqlx::AssertSqlSafe(put))
            .execute(&pool)
            .await
            .unwrap();
        let recent = "UPDATE reports SET resolved_at = $1 WHERE message BETWEEN 91 AND 100";
        let recent = sqlx::query(recent).bind(kept_since(10, NOW).cast_signed());
        recent.execute(&pool).await.unwrap();
        let jobs = rolled(options).await;
        while let Some(job) = jobs.claim_job(&[REPORT_PURGE], 60.0).await.unwrap() {
            let kept: u64 = unpack(&job.body).unwrap();
            let mut slice = jobs.begin_slice().await.unwrap();
            let more = slice.purge_reports(kept, 25).await.unwrap();
            finish(slice, &job, more).await;
        }
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM reports")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(
            left,
            30 + 10,
            "what is new stays open, and what was resolved lately stays"
        );
    }

    #[tokio::test]
    async fn exports_go_after_seven_days_in_slices() {
        let (options, pool) = database_and_pool().await;
        let put = "INSERT INTO exports (account, id, started_at, finished_at, parts) VALUES
                       (1, 1, 1, $1, 250), (2, 2, 1, $1 + 1, 250), (3, 3, 1, $1 - 1, 0)";
        let oldest_kept = (NOW - 7 * MS_PER_DAY).cast_signed();
        let put = sqlx::query(put).bind(oldest_kept - 1);
        put.execute(&pool).await.unwrap();
        let parts = "INSERT INTO export_parts (account, number, lines)
                     SELECT a, n, 'x' FROM generate_series(1, 2) a, generate_series(0, 249) n";
        sqlx::raw_sql(parts).execute(&pool).await.unwrap();
        let jobs = rolled(options).await;
        let mut slices = 0;
        while let Some(job) = jobs.claim_job(&[EXPORT_PURGE], 60.0).await.unwrap() {
            let before: u64 = unpack(&job.body).unwrap();
            let mut slice = jobs.begin_slice().await.unwrap();
            let more = slice.purge_exports(before).await.unwrap();
            finish(slice, &job, more).await;
            slices += 1;
        }
        let left: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT e.account, count(p.*) FROM exports e
             LEFT JOIN export_parts p ON p.account = e.account GROUP BY e.account",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert_eq!(left, [(2, 250)]);
        assert_eq!(
            slices, 5,
            "a hundred parts at a time, and a look that finds nothing"
        );
    }

    #[tokio::test]
    async fn the_audit_log_is_kept_by_category_and_purged_in_slices() {
        let (options, pool) = database_and_pool().await;
        // One entry of each category on each of the last 50 days.
        for days in 0..50 {
            for action in [
                Action::ChannelCreate,
                Action::MemberKick,
                Action::MessageDelete,
                Action::RuleApply,
            ] {
                let id = first_raw(NOW - days * MS_PER_DAY) + u64::from(action.number());
                let put = "INSERT INTO audit_entries (server, id, action) VALUES (1, $1, $2)";
                let put = sqlx::query(put).bind(id.cast_signed());
                let put = put.bind(i16::from(action.number()));
                put.execute(&pool).await.unwrap();
            }
        }
        let jobs = rolled(options).await;
        let mut slices = 0;
        while let Some(job) = jobs.claim_job(&[AUDIT_PURGE], 60.0).await.unwrap() {
            let past: PastEntries = unpack(&job.body).unwrap();
            let mut slice = jobs.begin_slice().await.unwrap();
            let more = slice.purge_entries(&past, 30).await.unwrap();
            finish(slice, &job, more).await;
            slices += 1;
        }
        let left: Vec<(i16, i64)> = sqlx::query_as(
            "SELECT action, count(*) FROM audit_entries GROUP BY action ORDER BY action",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        // Noon is when their last day begins.
        assert_eq!(left, [(10, 41), (30, 31), (40, 21), (54, 11)]);
        // Of 96 entries the categories have 9, 19, 29 and 39: one of them takes two slices.
        assert_eq!(slices, 2, "only one job was left");
    }
}
