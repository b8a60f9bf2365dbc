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
    consumers::{self, Consumer, Redaction},
    jobs,
    lane::{
        self, LaneConfig, LaneParts, LaneStatus,
        process::{Process, Tells},
    },
    limiter::{Limiter, Quotas},
    metrics::LaneMetrics,
    newer_gateways,
    notification::{Delivery, LateTeller, NotificationMetrics, Planner},
    outbound::Outbound,
    password::Hasher,
    presence::{Hearing, Presence, PresenceMetrics},
    push::{PushMetrics, PushPolicy, Sender},
    queries,
    restored::{self, Mismatch},
    retention::Retention,
    search_index,
    store::{
        PgConnectOptions, epoch, jobs::Jobs, migrate, notification::Notifications,
        options::check_server, push::Pushes, read::Store,
    },
    telling::Telling,
    transaction::Caps,
};

/// How long `migrate` waits for a database that is not there yet.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often readiness is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Planning, the rest of large audiences and what ends read at the same time.
const PLANNING_CONNECTIONS: u32 = 3;
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
    let (lanes, queries) = (parts.lanes.clone(), parts.queries.clone());
    let tasks = CriticalTasks::default();
    let count = spawn_lanes(&tasks, &config, &lanes);
    parts.spawn(&tasks, &config);
    let watch = watch_health(lanes, queries.clone(), health.clone(), (count, origin));
    tasks.spawn(watch);
    info!(node = config.node.node, lanes = count, "worker runs");

    tokio::select! {
        () = stop.cancelled() => info!("worker stops"),
        () = tasks.broken() => error!("a critical task has ended"),
    }
    let broken = !stop.is_cancelled();
    health.start_draining();
    // What the other tasks have begun they end: only what is broken is lost.
    tasks.stop().await;
    ops.close().await;
    queries.store.close().await;
    anyhow::ensure!(!broken, "a task that everything depends on has ended");
    Ok(())
}

/// Starts the lanes, and tells others of them; answers how many there are.
fn spawn_lanes(tasks: &CriticalTasks, config: &WorkerConfig, parts: &LaneParts) -> usize {
    let stopping = tasks.stopping();
    let tells = Tells {
        name: config.node.node.clone(),
        status: parts.status.clone(),
        clock: parts.clock.clone(),
        keys: parts.keys.clone(),
    };
    let process = parts.process.clone();
    tasks.spawn_orderly(process.run(tells, parts.bus.clone(), stopping.clone()));
    let count = config.lanes.map_or_else(
        || thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
        usize::from,
    );
    for number in 0..count {
        let lane = LaneConfig {
            name: format!("{}/{number}", config.node.node),
            database_url: config.database.database_url.clone(),
            deadline_ms: config.deadline_ms,
        };
        tasks.spawn_orderly(lane::run(lane, parts.clone(), stopping.clone()));
    }
    count
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
    NotificationMetrics::new(&registry)?.touch();
    PushMetrics::new(&registry)?.touch();
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
    redaction: Consumer<Redaction>,
    planning: Consumer<Planner>,
    database: PgConnectOptions,
    search_metrics: search_index::SearchMetrics,
    push_metrics: PushMetrics,
    hearing: Hearing,
}

impl Parts {
    fn new(
        config: &WorkerConfig,
        bus: Bus,
        clock: Clock,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let keys = config.keys.keys()?;
        let quotas = Quotas::new(|limit| config.quota_of(limit));
        let limiter = Limiter::new(bus.clone(), clock.clone(), quotas);
        let options = options(&config.database)?;
        let process = Process::new().context("naming this process")?;
        let hearing = Hearing {
            name: process.name(),
            presence: Presence::default(),
            bus: bus.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            metrics: PresenceMetrics::new(registry)?,
        };
        let metrics = consumers::ConsumerMetrics::new(registry)?;
        let redaction = Consumer {
            effect: Redaction {
                metrics: metrics.clone(),
            },
            options: options.clone(),
            bus: bus.clone(),
            process: process.clone(),
            metrics,
        };
        let planning = redaction.clone().with(Planner {
            store: Store::new(options.clone(), PLANNING_CONNECTIONS),
            presence: hearing.presence.clone(),
            clock: clock.clone(),
            grace_s: config.push.push_grace_s,
            metrics: NotificationMetrics::new(registry)?,
        });
        let metrics = LaneMetrics::new(registry)?;
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
            push: push_policy(config)?,
            metrics,
            status: LaneStatus::default(),
            process,
        };
        let retention_days = config.database.retention_days;
        Ok(Self {
            queries: Arc::new(answering(config, &lanes, &hearing, (&options, registry))?),
            retention: Retention::new(options.clone(), lanes.clock.clone(), retention_days),
            lanes,
            jobs: Jobs::new(options.clone()),
            job_metrics: jobs::JobMetrics::new(registry)?,
            redaction,
            planning,
            database: options,
            search_metrics: search_index::SearchMetrics::new(registry)?,
            push_metrics: PushMetrics::new(registry)?,
            hearing,
        })
    }

    /// Starts what is beside the lanes.
    fn spawn(self, tasks: &CriticalTasks, config: &WorkerConfig) {
        let (audit, stopping) = (config.audit, tasks.stopping());
        tasks.spawn_orderly({
            let (retention, stopping) = (self.retention, stopping.clone());
            async move { retention.run(audit, stopping).await }
        });
        let planner = self.planning.effect.clone();
        tasks.spawn_orderly(jobs::run(
            self.jobs,
            planner,
            self.job_metrics,
            stopping.clone(),
        ));
        tasks.spawn_orderly(self.redaction.run(stopping.clone()));
        if let Some(policy) = &self.lanes.push {
            let delivery = Delivery {
                notifications: Notifications::new(self.database.clone()),
                store: self.planning.effect.store.clone(),
                clock: self.lanes.clock.clone(),
                metrics: self.planning.effect.metrics.clone(),
            };
            tasks.spawn_orderly(delivery.run(stopping.clone()));
            let late = LateTeller {
                store: self.planning.effect.store.clone(),
                clock: self.lanes.clock.clone(),
            };
            let sender = Sender::new(
                (Pushes::new(self.database.clone()), Arc::new(late)),
                policy.clone(),
                self.lanes.clock.clone(),
                (self.push_metrics, draw_fraction),
            );
            tasks.spawn_orderly(sender.run(stopping.clone()));
        }
        tasks.spawn_orderly(self.planning.run(stopping.clone()));
        let index = search_index::run(self.database, self.search_metrics, stopping.clone());
        tasks.spawn_orderly(index);
        tasks.spawn_orderly(self.hearing.run(stopping.clone()));
        tasks.spawn_orderly(queries::run(self.queries, stopping.clone()));
    }
}

/// Who may be told by web push; none without keys.
fn push_policy(config: &WorkerConfig) -> anyhow::Result<Option<Arc<PushPolicy>>> {
    let Some(keys) = config.push.keys()? else {
        info!("web push is off: CONFAB_PUSH_KEYS names no keys");
        return Ok(None);
    };
    let outbound = Outbound::new(config.push.outbound()).context("preparing requests")?;
    let services = config.push.push_services.clone();
    Ok(Some(Arc::new(PushPolicy {
        keys,
        services,
        outbound,
    })))
}

/// From 0 to 1.
fn draw_fraction() -> f64 {
    let drawn = getrandom::u32().unwrap_or_default();
    f64::from(drawn) / f64::from(u32::MAX)
}

/// What answers queries, with what it shares with lanes and with who hears of presence.
fn answering(
    config: &WorkerConfig,
    lanes: &LaneParts,
    hearing: &Hearing,
    (options, registry): (&PgConnectOptions, &Registry),
) -> anyhow::Result<queries::Deps> {
    let tasks = usize::from(config.queries);
    // Hashing and waiting for it take half of the tasks at most, so that a
    // storm of sign-ins leaves room for others.
    let hasher =
        Hasher::new((tasks / 4).max(1), tasks / 4).context("preparing password hashing")?;
    Ok(queries::Deps {
        bus: lanes.bus.clone(),
        store: Store::new(options.clone(), config.queries.into()),
        limiter: lanes.limiter.clone(),
        hasher,
        clock: lanes.clock.clone(),
        sign_up: queries::SignUpConfig {
            invites: config.signup,
            guests: config.guests,
        },
        metrics: queries::QueryMetrics::new(registry)?,
        keys: lanes.keys.clone(),
        push: lanes.push.clone(),
        presence: hearing.presence.clone(),
        tasks,
    })
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
