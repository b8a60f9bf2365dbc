//! Work that no lane waits for, in slices: any worker does the next slice of the
//! job that has been due longest.
//!
//! A job that fails waits longer each time, and in the end for a person; others go
//! on meanwhile. One of a kind that this program does not know is left to a newer one.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use shared::{
    bus::envelope::{pack, unpack},
    ids::{AnyId, ChannelId, MessageId, ServerId, UserId},
    metrics,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    consumers::deleted_by,
    error::StoreError,
    notification::Planner,
    retention::PastEntries,
    retry,
    store::{
        export::{EXPORT, EXPORT_PURGE, ExportPlace},
        jobs::{
            ACCOUNT_PURGE, ACCOUNT_SWEEP, AUDIT_PURGE, CHANNEL_PURGE, EVENT_REDACTION, Job,
            JobSlice, Jobs, NOTIFICATION_PLAN, NOTIFICATION_PURGE, OLD_REDACTION, REDACTION,
            REPORT_PURGE, SERVER_PURGE,
        },
        redact::REACTION_PURGE,
    },
};

/// What this program can do, but exports, which are written when nothing of these is due.
const KINDS: [&str; 13] = [
    NOTIFICATION_PLAN,
    NOTIFICATION_PURGE,
    ACCOUNT_PURGE,
    ACCOUNT_SWEEP,
    CHANNEL_PURGE,
    REACTION_PURGE,
    SERVER_PURGE,
    EVENT_REDACTION,
    REDACTION,
    OLD_REDACTION,
    AUDIT_PURGE,
    REPORT_PURGE,
    EXPORT_PURGE,
];

/// Rows of a slice of a purge: some ten milliseconds of one connection.
const PURGE_SLICE: u32 = 1_000;
/// After a slice of a purge, or of an export, this many times as long is left to others.
const PURGE_REST: f64 = 3.0;
/// After a page of a large audience, this many times as long is left to others.
const PLAN_REST: f64 = 1.0;
/// How long a claim lasts, in seconds: longer than any slice.
const LEASE: f64 = 60.0;
/// The least time between two looks when nothing was due.
const SOON: Duration = Duration::from_millis(5);
/// How soon to look again when nothing was due for a while.
const IDLE: Duration = Duration::from_millis(500);
/// How often what waits is counted for the metrics.
const SURVEY: Duration = Duration::from_secs(5);

metrics! {
    /// What the work beside the lanes says of itself.
    pub(crate) struct JobMetrics in "confab_jobs";

    /// Slices of jobs that were done
    slices_total: IntCounterVec by "kind";
    /// Slices of jobs that failed
    failures_total: IntCounterVec by "kind";
    /// Age of the oldest job, by kind, in the whole deployment; `internal` are internal commands
    age_seconds: GaugeVec by "kind";
    /// Jobs that failed too often and wait for a person, by kind, in the whole deployment;
    /// `internal` are pairs of partitions whose internal commands wait
    parked: IntGaugeVec by "kind";
}

impl JobMetrics {
    fn begin_at_zero(&self) {
        for kind in KINDS.into_iter().chain([EXPORT]) {
            self.slices_total.with_label_values(&[kind]);
            self.failures_total.with_label_values(&[kind]);
        }
        self.reset_waiting();
    }

    /// Forgets what was counted, also of kinds that only a newer program knows.
    fn reset_waiting(&self) {
        self.age_seconds.reset();
        self.parked.reset();
        for kind in KINDS.into_iter().chain([EXPORT, "internal"]) {
            self.age_seconds.with_label_values(&[kind]).set(0.0);
            self.parked.with_label_values(&[kind]).set(0);
        }
    }
}

/// Does one slice after the other until it is stopped.
pub(crate) async fn run(
    jobs: Jobs,
    planner: Planner,
    metrics: JobMetrics,
    stop: CancellationToken,
) {
    metrics.begin_at_zero();
    let mut surveyed = None;
    let mut pause = IDLE;
    // However many there are, together they take as much of a worker as one, and nothing waits for them.
    let mut exports_rest = Instant::now();
    while !stop.is_cancelled() {
        if surveyed.is_none_or(|at: Instant| at.elapsed() >= SURVEY) {
            surveyed = Some(Instant::now());
            if let Err(error) = count_waiting(&jobs, &metrics).await {
                warn!(%error, "jobs could not be counted");
            }
        }
        let mut claimed = jobs.claim_job(&KINDS, LEASE).await;
        if let Ok(None) = claimed
            && Instant::now() >= exports_rest
        {
            claimed = jobs.claim_job(&[EXPORT], LEASE).await;
        }
        let worked = match claimed {
            Ok(Some(job)) => {
                let began = Instant::now();
                run_slice((&jobs, &planner), &metrics, &job).await;
                if job.kind == EXPORT {
                    exports_rest = Instant::now() + began.elapsed().mul_f64(PURGE_REST);
                }
                // Its next slice is due after its rest.
                pause = began.elapsed().mul_f64(PURGE_REST).min(IDLE);
                true
            }
            Ok(None) => false,
            Err(error) => {
                warn!(%error, "jobs could not be read");
                false
            }
        };
        if !worked {
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            pause = (pause * 2).clamp(SOON, IDLE);
        }
    }
    jobs.close().await;
}

async fn count_waiting(jobs: &Jobs, metrics: &JobMetrics) -> Result<(), StoreError> {
    let waiting = jobs.list_waiting().await?;
    let (parked, age) = jobs.survey_internal().await?;
    metrics.reset_waiting();
    for row in waiting {
        metrics
            .age_seconds
            .with_label_values(&[&row.kind])
            .set(row.age);
        let parked = metrics.parked.with_label_values(&[&row.kind]);
        parked.set(row.parked);
    }
    metrics
        .age_seconds
        .with_label_values(&["internal"])
        .set(age);
    metrics.parked.with_label_values(&["internal"]).set(parked);
    Ok(())
}

/// Does a slice, or says when the job is tried again.
async fn run_slice((jobs, planner): (&Jobs, &Planner), metrics: &JobMetrics, job: &Job) {
    let error = match execute_slice(jobs, planner, job).await {
        Ok(()) => {
            metrics.slices_total.with_label_values(&[&job.kind]).inc();
            return;
        }
        Err(error) => error,
    };
    metrics.failures_total.with_label_values(&[&job.kind]).inc();
    let parked = job.attempts >= retry::MAX_ATTEMPTS;
    if parked {
        error!(job.id, job.kind, %error, "job failed too often and waits for a person");
    } else {
        warn!(job.id, job.kind, job.attempts, %error, "job failed");
    }
    let problem = error.to_string();
    if let Err(error) = jobs
        .postpone_job(job, retry::wait_after(job.attempts), parked, &problem)
        .await
    {
        // Its lease ends by itself.
        warn!(job.id, %error, "job was not put off");
    }
}

async fn execute_slice(jobs: &Jobs, planner: &Planner, job: &Job) -> Result<(), StoreError> {
    if job.kind == NOTIFICATION_PLAN {
        return plan_slice(jobs, planner, job).await;
    }
    if job.kind == ACCOUNT_SWEEP {
        let (account, _): (UserId, u64) = read_body(job)?;
        if jobs.awaits_leaving(job, account).await? {
            return Ok(());
        }
    }
    let mut slice = jobs.begin_slice().await?;
    let next = do_slice(&mut slice, job).await?;
    slice.finish(job, next.as_deref(), PURGE_REST).await
}

/// Decides about the next page of those whom a message calls upon. What it finds is read beside the transaction of
/// the slice, which says no more than it would have said then.
async fn plan_slice(jobs: &Jobs, planner: &Planner, job: &Job) -> Result<(), StoreError> {
    let mut plan = planner.plan_rest(read_body(job)?).await?;
    let mut slice = jobs.begin_slice().await?;
    slice.insert_notifications(&plan.rows).await?;
    let next = plan.rests.pop().map(|rest| pack(&rest));
    for rest in &plan.rests {
        slice.enqueue_job(NOTIFICATION_PLAN, &pack(rest)).await?;
    }
    slice.finish(job, next.as_deref(), PLAN_REST).await?;
    planner.count(&plan.rows);
    Ok(())
}

/// Does the work of a slice; answers the body of the next one, if there may be more.
async fn do_slice(slice: &mut JobSlice, job: &Job) -> Result<Option<Bytes>, StoreError> {
    let more = match job.kind.as_str() {
        ACCOUNT_PURGE | ACCOUNT_SWEEP => {
            let (account, after) = read_body(job)?;
            let done = slice.purge_account((account, after), PURGE_SLICE).await?;
            return Ok(done.map(|done| pack(&(account, done))));
        }
        EXPORT => {
            let (user, id, place): (UserId, AnyId, ExportPlace) = read_body(job)?;
            let next = slice.write_export((user, id, place)).await?;
            return Ok(next.map(|place| pack(&(user, id, place))));
        }
        CHANNEL_PURGE => slice.purge_channel(read_body(job)?, PURGE_SLICE).await?,
        REACTION_PURGE => slice.purge_reactions(read_body(job)?, PURGE_SLICE).await?,
        SERVER_PURGE => slice.purge_server(read_body(job)?, PURGE_SLICE).await?,
        AUDIT_PURGE => {
            let past: PastEntries = read_body(job)?;
            slice.purge_entries(&past, PURGE_SLICE).await?
        }
        REPORT_PURGE => slice.purge_reports(read_body(job)?, PURGE_SLICE).await?,
        NOTIFICATION_PURGE => {
            slice
                .purge_notifications(read_body(job)?, PURGE_SLICE)
                .await?
        }
        EXPORT_PURGE => slice.purge_exports(read_body(job)?).await?,
        kind => {
            redact_told(slice, job, kind).await?;
            false
        }
    };
    Ok(more.then(|| Bytes::copy_from_slice(&job.body)))
}

/// Takes out of the log what an event told.
async fn redact_told(slice: &mut JobSlice, job: &Job, kind: &str) -> Result<(), StoreError> {
    match kind {
        EVENT_REDACTION => slice.redact_event(read_body(job)?).await,
        REDACTION => {
            let (topic, body): (i64, ByteBuf) = read_body(job)?;
            let deleted = deleted_by(topic, &body)
                .ok_or(StoreError::Inconsistency("the event of a deletion"))?;
            slice.redact_messages(deleted).await
        }
        OLD_REDACTION => {
            let (server, channel, message): (ServerId, ChannelId, MessageId) = read_body(job)?;
            let deleted = (server, channel, vec![message]);
            slice.redact_messages(deleted).await
        }
        _ => Err(StoreError::Inconsistency("a job of no kind")),
    }
}

fn read_body<T: DeserializeOwned>(job: &Job) -> Result<T, StoreError> {
    unpack(&job.body).map_err(|_| StoreError::Inconsistency("the body of a job"))
}
