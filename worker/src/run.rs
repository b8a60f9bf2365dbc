//! Puts the parts of a worker together: lanes, queries, retention, operations port.

use std::{sync::Arc, thread, time::Duration};

use anyhow::Context as _;
use prometheus::Registry;
use shared::{
    bus::Bus,
    clock::Clock,
    critical_tasks::CriticalTasks,
    ops::{Health, OpsMetrics, OpsPort},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    config::{DatabaseConfig, WorkerConfig},
    consumers::{self, Consumer},
    jobs,
    lane::{
        self, LaneConfig, LaneParts, LaneStatus,
        process::{Process, Tells},
    },
    limiter::{Limiter, Quotas},
    metrics::LaneMetrics,
    newer_gateways,
    password::Hasher,
    presence::{Hearing, Presence, PresenceMetrics},
    queries,
    restored::{self, Mismatch},
    retention::Retention,
    search_index,
    store::{PgConnectOptions, epoch, jobs::Jobs, migrate, options::check_server, read::Store},
    telling::Telling,
    transaction::Caps,
};

/// How long `migrate` waits for a database that is not there yet.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often readiness is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// A lane that was silent for this long is not well.
const SILENT: Duration = Duration::from_secs(5);

/// Serves until `stop`: commits what is under way, unlocks, and ends.
pub async fn run(
    config: WorkerConfig,
    clock: Clock,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.ops.ops_listen)
        .await
        .context("listening on the operations port")?;
    let registry = Registry::new();
    let health = Health::new(&["bus", "database", newer_gateways::CHECK, "lanes"]);
    let ops = OpsPort::open(listener, registry.clone(), health.clone())
        .context("opening the operations port")?;
    let connecting = Bus::connect(config.bus.redis_url.expose());
    let Some(bus) = stop.run_until_cancelled(connecting).await else {
        return Ok(());
    };
    let bus = bus.context("connecting to Redis")?;
    let database = options(&config.database)?;
    let checking = Box::pin(restored::check(&database, &bus));
    let Some(origin) = stop.run_until_cancelled(checking).await.transpose()? else {
        return Ok(());
    };
    let keys = config.keys.keys()?;
    let waiting = Box::pin(newer_gateways::wait(&bus, &keys, &health));
    if stop.run_until_cancelled(waiting).await.is_none() {
        return Ok(());
    }
    let parts = Parts::new(&config, bus, clock, &registry)?;

    let lanes = config.lanes.map_or_else(
        || thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
        usize::from,
    );
    let process = parts.lanes.process.clone();
    let tasks = CriticalTasks::default();
    let stopping = tasks.stopping().clone();
    let tells = Tells {
        name: config.node.node.clone(),
        status: parts.lanes.status.clone(),
        clock: parts.lanes.clock.clone(),
        keys: parts.lanes.keys.clone(),
    };
    tasks.spawn_orderly(process.run(tells, parts.lanes.bus.clone(), stopping.clone()));
    for number in 0..lanes {
        let lane = LaneConfig {
            name: format!("{}/{number}", config.node.node),
            database_url: config.database.database_url.clone(),
            deadline_ms: config.deadline_ms,
        };
        tasks.spawn_orderly(lane::run(lane, parts.lanes.clone(), stopping.clone()));
    }
    tasks.spawn_orderly({
        let (retention, stopping) = (parts.retention, stopping.clone());
        async move { retention.run(config.audit, stopping).await }
    });
    tasks.spawn_orderly(jobs::run(parts.jobs, parts.job_metrics, stopping.clone()));
    tasks.spawn_orderly(parts.consumer.run(stopping.clone()));
    tasks.spawn_orderly(search_index::run(
        parts.database,
        parts.search_metrics,
        stopping.clone(),
    ));
    tasks.spawn_orderly(parts.hearing.run(stopping.clone()));
    tasks.spawn_orderly(queries::run(parts.queries.clone(), stopping.clone()));
    tasks.spawn(watch_health(
        parts.lanes,
        parts.queries.clone(),
        health.clone(),
        (lanes, origin),
    ));
    info!(node = config.node.node, lanes, "worker runs");

    tokio::select! {
        () = stop.cancelled() => info!("worker stops"),
        () = tasks.broken() => error!("a critical task has ended"),
    }
    let broken = !stop.is_cancelled();
    health.start_draining();
    // What the other tasks have begun they end: only what is broken is lost.
    tasks.stop().await;
    ops.close().await;
    parts.queries.store.close().await;
    anyhow::ensure!(!broken, "a task that everything depends on has ended");
    Ok(())
}

/// A registry with every metric of a worker, for the reference.
pub fn metrics() -> anyhow::Result<Registry> {
    let registry = Registry::new();
    OpsMetrics::new(&registry)?.touch();
    LaneMetrics::new(&registry)?.touch();
    queries::QueryMetrics::new(&registry)?.touch();
    jobs::JobMetrics::new(&registry)?.touch();
    consumers::ConsumerMetrics::new(&registry)?.touch();
    search_index::SearchMetrics::new(&registry)?.touch();
    PresenceMetrics::new(&registry)?.touch();
    Ok(registry)
}

/// Brings the schema up to date and makes the tables of the next days.
pub async fn migrate(config: &DatabaseConfig, clock: Clock) -> anyhow::Result<()> {
    let options = options(config)?;
    let retention = Retention::new(options.clone(), clock, config.retention_days);
    migrate::run(&options, PATIENCE)
        .await
        .context("migrating")?;
    retention.roll().await.context("migrating")?;
    info!("the schema is up to date");
    Ok(())
}

/// Gives the event log another epoch, so that every client fetches its state again.
/// Refuses to while a worker runs.
pub async fn new_epoch(config: &DatabaseConfig) -> anyhow::Result<()> {
    let epoch = crate::token::random_code().context("making an epoch")?;
    let replaced = epoch::replace(&options(config)?, &epoch)
        .await
        .context("giving the event log another epoch")?;
    anyhow::ensure!(replaced, "workers are running: stop all of them first");
    info!(epoch, "the event log has another epoch: now empty Redis");
    Ok(())
}

/// Where Postgres is.
pub(crate) fn options(config: &DatabaseConfig) -> anyhow::Result<PgConnectOptions> {
    let options = config.database_url.expose().parse();
    Ok(check_server(options.context("reading DATABASE_URL")?))
}

/// What the tasks of a worker share.
struct Parts {
    lanes: LaneParts,
    queries: Arc<queries::Deps>,
    retention: Retention,
    jobs: Jobs,
    job_metrics: jobs::JobMetrics,
    consumer: Consumer,
    database: PgConnectOptions,
    search_metrics: search_index::SearchMetrics,
    hearing: Hearing,
}

impl Parts {
    fn new(
        config: &WorkerConfig,
        bus: Bus,
        clock: Clock,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let quotas = Quotas::new(|limit| config.quota_of(limit));
        let keys = config.keys.keys()?;
        let limiter = Limiter::new(bus.clone(), clock.clone(), quotas);
        let options = options(&config.database)?;
        let tasks = usize::from(config.queries);
        // Hashing and waiting for it take half of the tasks at most, so that a
        // storm of sign-ins leaves room for others.
        let hasher =
            Hasher::new((tasks / 4).max(1), tasks / 4).context("preparing password hashing")?;
        let presence = Presence::default();
        let queries = queries::Deps {
            bus: bus.clone(),
            store: Store::new(options.clone(), config.queries.into()),
            limiter: limiter.clone(),
            hasher,
            clock: clock.clone(),
            sign_up: queries::SignUpConfig {
                invites: config.signup,
                guests: config.guests,
            },
            metrics: queries::QueryMetrics::new(registry).context("registering metrics")?,
            keys: keys.clone(),
            presence: presence.clone(),
            tasks,
        };
        let jobs = Jobs::new(options.clone());
        let process = Process::new().context("naming this process")?;
        let consumer = Consumer {
            options: options.clone(),
            bus: bus.clone(),
            process: process.clone(),
            metrics: consumers::ConsumerMetrics::new(registry).context("registering metrics")?,
        };
        let database = options.clone();
        let hearing = Hearing {
            name: process.name(),
            presence,
            bus: bus.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            metrics: PresenceMetrics::new(registry).context("registering metrics")?,
        };
        let retention = Retention::new(options, clock.clone(), config.database.retention_days);
        let metrics = LaneMetrics::new(registry).context("registering metrics")?;
        metrics.begin_at_zero();
        let lanes = LaneParts {
            bus,
            clock,
            limiter,
            telling: Telling::new(),
            keys,
            caps: Caps {
                servers: config.max_servers,
                guests: config.max_guests,
            },
            metrics,
            status: LaneStatus::default(),
            process,
        };
        Ok(Self {
            lanes,
            queries: Arc::new(queries),
            retention,
            jobs,
            job_metrics: jobs::JobMetrics::new(registry).context("registering metrics")?,
            consumer,
            database,
            search_metrics: search_index::SearchMetrics::new(registry)
                .context("registering metrics")?,
            hearing,
        })
    }
}

/// Looks again and again whether this worker can do its work. Ends, and everything with it, once
/// Redis is another log's: nothing may be committed of what that holds.
async fn watch_health(
    lanes: LaneParts,
    queries: Arc<queries::Deps>,
    health: Health,
    (expected, origin): (usize, String),
) {
    loop {
        // One that was emptied gets to know whose it is.
        let bus = match restored::check_bus(&lanes.bus, &origin).await {
            Err(Mismatch::Other(reason)) => {
                error!("{reason}");
                return;
            }
            Err(Mismatch::Unknown(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        health.set_check("bus", bus);
        health.set_check(
            "database",
            queries
                .store
                .ping()
                .await
                .map_err(|error| error.to_string()),
        );
        let summary = lanes.status.summary();
        let metrics = &lanes.metrics;
        metrics
            .partitions
            .set(i64::try_from(summary.partitions).unwrap_or(i64::MAX));
        metrics
            .backlog_entries
            .set(i64::try_from(summary.backlog).unwrap_or(i64::MAX));
        let running = summary.lanes == expected && summary.oldest.is_some_and(|age| age < SILENT);
        let found = running
            .then_some(())
            .ok_or_else(|| format!("{} of {expected} lanes run", summary.lanes));
        health.set_check("lanes", found);
        tokio::time::sleep(LOOK).await;
    }
}
