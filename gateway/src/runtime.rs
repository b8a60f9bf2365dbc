//! The parts of a gateway, put together; how it runs and how it stops.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    io,
    sync::{Arc, atomic::AtomicU64},
    thread::available_parallelism,
    time::Duration,
};

use parking_lot::Mutex;
use prometheus::Registry;
use shared::{
    bus::{Bus, BusError, Subscriber, Topic, node::name_process},
    clock::Clock,
    config::KeyError,
    critical_tasks::CriticalTasks,
    domain::limits::MAX_FRAME_BYTES,
    ops::{Health, OpsMetrics, OpsPort},
};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bus_probe::{self, BusProbe, ProbeState},
    config::Config,
    delivery::{message::ToShard, shard, shards::Shards},
    doors::{
        accept::{self, Acceptor},
        client_origin::ClientOrigins,
        context::{Doors, TRACES},
        http::build_router,
        http_limit::HttpLimit,
    },
    fanout::{
        message::ToFanout,
        outbox::Outbox,
        subscriptions::{self, WantedTopics},
        task::{self, Fanout},
        topic_router::TopicRouter,
    },
    limits::{
        connection_limit::ConnectionLimit, memory_budget::MemoryBudget, open_files::SPARE_SOCKETS,
        token_bucket::TokenBucket,
    },
    metrics::{Metrics, ShardMetrics},
    node_lease::NodeTask,
    older_workers::{self, OlderWorkers},
    page::Page,
    presence::{Presence, task::PresenceTask},
    relief::{ReliefTask, plan::Plan},
    requests::{
        Requests,
        admission::Admission,
        batcher::CommandBatcher,
        commands::{CommandConfig, Commands},
        entries::{Entries, EntryConfig},
        pending::PendingReplies,
        queries::{Queries, hear_chunks},
        quotas::Quotas,
        token_cache::TokenCache,
    },
    session::{context::SessionContext, event_log::EventLog},
    transport::tls::TlsError,
};

/// The metrics of a gateway, each with a value, for the reference.
pub fn metrics() -> Result<Registry, prometheus::Error> {
    let registry = Registry::new();
    OpsMetrics::new(&registry)?.touch();
    Metrics::new(&registry)?.touch();
    Ok(registry)
}

/// Sockets of one address beyond its sessions.
const SPARE_ADDRESS_SOCKETS: usize = 128;
/// How long the last close frames may take after the drain window.
const FAREWELL: Duration = Duration::from_secs(8);

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bus gave no subscriber.
    #[error("the bus: {0}")]
    Bus(#[from] BusError),
    /// A task that everything depends on has ended; the log has the cause.
    #[error("a critical task has ended")]
    Broken,
    /// There are no keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Two metrics have one name.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The operations port does not open.
    #[error("opening the operations port: {0}")]
    Ops(#[source] io::Error),
    /// The page cannot be read.
    #[error("reading the page: {0}")]
    Page(#[source] io::Error),
    /// TLS cannot be spoken.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
}

/// Serves until `shutdown`, then drains.
pub async fn run(
    config: Config,
    listener: TcpListener,
    ops_listener: TcpListener,
    bus: Bus,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let registry = Registry::new();
    let health = Health::new(&[bus_probe::CHECK, older_workers::CHECK]);
    let runtime = Runtime::build(&config, bus, &registry, &health).await?;
    // The operations port answers until the very end.
    let ops = OpsPort::open(ops_listener, registry, health.clone()).map_err(Error::Ops)?;
    let acceptor = build_acceptor(&config, &runtime)?;
    runtime
        .doors
        .sessions
        .tasks
        .spawn(accept::run(listener, acceptor));
    tracing::info!(node.id = %config.node.node, "serving");
    let broken = tokio::select! {
        () = shutdown.cancelled() => false,
        () = runtime.critical_tasks.broken() => true,
    };
    if broken {
        // Nothing can be drained: sockets close, and clients resume elsewhere.
        tracing::error!("a critical task has ended");
        return Err(Error::Broken);
    }
    health.start_draining();
    runtime.stay_as_lame_duck(config.limits.lame_duck()).await;
    runtime.drain_all(config.limits.drain()).await;
    ops.close().await;
    Ok(())
}

/// What connections pass.
fn build_acceptor(config: &Config, runtime: &Runtime) -> Result<Arc<Acceptor>, Error> {
    let (limits, transport) = (&config.limits, &config.transport);
    let total = limits.max_connections.saturating_add(SPARE_SOCKETS);
    let sessions = limits.max_address_connections;
    let per_address = sessions.saturating_add(SPARE_ADDRESS_SOCKETS);
    let certificate = transport.certificate()?;
    if let Some(certificate) = certificate.clone() {
        runtime.critical_tasks.spawn(certificate.follow());
    }
    let doors = &runtime.doors;
    Ok(Arc::new(Acceptor {
        router: build_router(Arc::clone(doors)),
        sockets: ConnectionLimit::new(total, usize::MAX),
        addresses: ConnectionLimit::new(total, per_address),
        proxies: config.proxies.trusted(),
        proxied: transport.proxy_protocol,
        certificate,
        stall: limits.stall(),
        tasks: doors.sessions.tasks.clone(),
        stop: doors.stop.clone(),
        metrics: doors.sessions.metrics.clone(),
    }))
}

/// Where answers find this process on the bus. A process that is started anew
/// has the name of the one before and counts its connections from 1 again: what
/// is still on its way to that one must not reach it.
fn name_incarnation(node: &str) -> String {
    let random = RandomState::new().hash_one(Clock::system().now_ms());
    name_process(node, random)
}

/// The gateway and what keeps it going.
struct Runtime {
    doors: Arc<Doors>,
    critical_tasks: CriticalTasks,
}

/// What every part is built with.
struct Foundation<'a> {
    config: &'a Config,
    bus: Bus,
    /// Names this incarnation on the bus.
    name: String,
    entries: Entries,
    replies: PendingReplies,
    admission: Admission,
    memory: MemoryBudget,
    tasks: TaskTracker,
    metrics: Metrics,
    critical_tasks: CriticalTasks,
}

impl Runtime {
    async fn build(
        config: &Config,
        bus: Bus,
        registry: &Registry,
        health: &Health,
    ) -> Result<Self, Error> {
        let metrics = Metrics::new(registry)?;
        let name = name_incarnation(&config.node.node);
        let keys = config.keys.keys()?;
        let base = Foundation {
            config,
            bus,
            entries: Entries::new(EntryConfig {
                node: name.clone(),
                keys: keys.clone(),
                clock: Clock::system(),
                deadline: config.limits.answer(),
            }),
            name,
            replies: PendingReplies::new(metrics.clone()),
            admission: Admission::new(config.limits.max_backlog, Instant::now()),
            memory: MemoryBudget::new(config.limits.memory_bytes),
            tasks: TaskTracker::new(),
            metrics,
            critical_tasks: CriticalTasks::default(),
        };
        let senders = base.start_shards();
        let shards = Shards::new(senders.clone(), base.metrics.clone());
        base.start_chunk_hearer().await?;
        let (requests, batcher) = base.build_requests(&shards);
        let (fanout_sender, fanout_inbox) = mpsc::channel(task::INBOX);
        let presence = base.start_presence(&shards).await?;
        let sessions = base.build_sessions(requests, shards, fanout_sender, presence);
        base.start_fanout(health, senders, &sessions, fanout_inbox)
            .await?;
        base.critical_tasks.spawn(batcher.run());
        let origins = ClientOrigins::new(&config.origins, config.proxies.trusted(), keys)
            .with_plain_http(config.plain_http);
        let limits = &config.limits;
        let connection_limit =
            ConnectionLimit::new(limits.max_connections, limits.max_address_connections);
        base.start_node_lease(health, &connection_limit)?;
        base.start_relief(health, &connection_limit, &sessions.shards)?;
        let doors = Doors {
            sessions,
            origins,
            connection_limit,
            http_limit: HttpLimit::new(&base.memory, limits.memory_bytes),
            page: match &config.page {
                Some(folder) => Page::read(folder).map_err(Error::Page)?,
                None => Page::built_in(),
            },
            compression: config.transport.compression,
            stop: CancellationToken::new(),
            last_connection: AtomicU64::new(0),
            traces: Mutex::new(TokenBucket::full(TRACES, Instant::now())),
        };
        Ok(Self {
            doors: Arc::new(doors),
            critical_tasks: base.critical_tasks,
        })
    }

    /// Goes on as before, so that whoever chooses gateways notices before it refuses.
    async fn stay_as_lame_duck(&self, period: Duration) {
        tracing::info!(?period, "not ready any more");
        tokio::select! {
            () = sleep(period) => {}
            () = self.critical_tasks.broken() => {}
        }
    }

    /// Sends everyone away over the window, and ends when everyone is gone.
    async fn drain_all(self, window: Duration) {
        let Self {
            doors,
            critical_tasks,
        } = self;
        tracing::info!(
            connections = doors.connection_limit.count_taken(),
            "draining"
        );
        doors.stop.cancel();
        doors.sessions.shards.drain_all(window).await;
        doors.sessions.tasks.close();
        tokio::select! {
            () = doors.sessions.tasks.wait() => {}
            () = sleep(window + FAREWELL) => {
                tracing::warn!(connections = doors.connection_limit.count_taken(), "some connections did not end");
            }
        }
        critical_tasks.stop().await;
        tracing::info!("drained");
    }
}

impl Foundation<'_> {
    fn start_shards(&self) -> Vec<mpsc::Sender<ToShard>> {
        let cores = available_parallelism().map_or(1, usize::from);
        (0..cores)
            .map(|_| {
                let (sender, inbox) = mpsc::channel(shard::INBOX);
                let counted = ShardMetrics::new(self.metrics.clone());
                let config = self.config.limits.shard_config();
                let memory = self.memory.clone();
                self.critical_tasks
                    .spawn(shard::run(inbox, config, memory, counted));
                sender
            })
            .collect()
    }

    /// Hears the answers of queries, on a connection of their own.
    async fn start_chunk_hearer(&self) -> Result<(), BusError> {
        let subscriber = self.bus.subscriber().await?;
        let topic = Topic::Chunks(self.name.clone());
        subscriber.control().subscribe(vec![topic]).await?;
        let (entries, replies) = (self.entries.clone(), self.replies.clone());
        let hearing = hear_chunks(entries, replies, self.metrics.clone(), subscriber);
        self.critical_tasks.spawn(hearing);
        Ok(())
    }

    fn build_requests(&self, shards: &Shards) -> (Requests, CommandBatcher) {
        let metrics = &self.metrics;
        let (sender, batcher) =
            CommandBatcher::new(self.bus.clone(), shards.clone(), metrics.clone());
        let commands = Commands::new(CommandConfig {
            bus: self.bus.clone(),
            admission: self.admission.clone(),
            entries: self.entries.clone(),
            replies: self.replies.clone(),
            batcher: sender,
            max_pending: self.config.limits.max_pending,
            metrics: metrics.clone(),
        });
        let (entries, replies) = (self.entries.clone(), self.replies.clone());
        let requests = Requests {
            quotas: Arc::new(Quotas::new(self.config.limits.quota_config())),
            token_cache: Arc::<TokenCache>::default(),
            commands,
            queries: Queries::new(self.bus.clone(), entries, replies, metrics.clone()),
            entries: self.entries.clone(),
        };
        (requests, batcher)
    }

    fn build_sessions(
        &self,
        requests: Requests,
        shards: Shards,
        fanout: mpsc::Sender<ToFanout>,
        presence: Presence,
    ) -> Arc<SessionContext> {
        // A page has to be read by the client before the next one is.
        let log = EventLog::new(requests.queries.clone(), self.config.limits.queue_bytes / 4);
        Arc::new(SessionContext {
            node: self.config.node.node.clone(),
            config: self.config.limits.session_config(),
            max_frame_bytes: MAX_FRAME_BYTES,
            memory: self.memory.clone(),
            clock: Clock::system(),
            requests,
            log,
            fanout,
            shards,
            presence,
            tasks: self.tasks.clone(),
            metrics: self.metrics.clone(),
        })
    }

    /// Hears who is there, on a connection of its own: all that a gateway has is large, and
    /// must not hold up events.
    async fn start_presence(&self, shards: &Shards) -> Result<Presence, Error> {
        let subscriber = self.bus.subscriber().await?;
        let topics = vec![Topic::Presence, Topic::Asker(self.name.clone())];
        subscriber.control().subscribe(topics).await?;
        let (presence, inbox) = Presence::new();
        let task = PresenceTask {
            name: self.name.clone(),
            bus: self.bus.clone(),
            keys: self.config.keys.keys()?,
            clock: Clock::system(),
            shards: shards.clone(),
            metrics: self.metrics.clone(),
        };
        self.critical_tasks.spawn(task.run(inbox, subscriber));
        Ok(presence)
    }

    /// Says that this gateway lives, and looks which workers do.
    fn start_node_lease(
        &self,
        health: &Health,
        connections: &ConnectionLimit,
    ) -> Result<(), KeyError> {
        let older_workers = OlderWorkers {
            bus: self.bus.clone(),
            keys: self.config.keys.keys()?,
            health: health.clone(),
        };
        self.critical_tasks.spawn(older_workers.run());
        let task = NodeTask {
            node: self.config.node.node.clone(),
            process: self.name.clone(),
            bus: self.bus.clone(),
            keys: self.config.keys.keys()?,
            connections: connections.clone(),
            health: health.clone(),
            memory: self.memory.clone(),
        };
        let stop = self.critical_tasks.stopping().clone();
        self.critical_tasks.spawn_orderly(task.run(stop));
        Ok(())
    }

    /// Sends connections elsewhere where others have far fewer, if that is wanted.
    fn start_relief(
        &self,
        health: &Health,
        connections: &ConnectionLimit,
        shards: &Shards,
    ) -> Result<(), KeyError> {
        let Some(config) = self.config.limits.relief_config() else {
            return Ok(());
        };
        let task = ReliefTask {
            process: self.name.clone(),
            bus: self.bus.clone(),
            keys: self.config.keys.keys()?,
            connections: connections.clone(),
            health: health.clone(),
            shards: shards.clone(),
            plan: Plan::new(config),
        };
        self.critical_tasks.spawn(task.run());
        Ok(())
    }

    /// Starts the fan-out, and what it hears: the bus, probed, with the topics that are wanted.
    async fn start_fanout(
        &self,
        health: &Health,
        shards: Vec<mpsc::Sender<ToShard>>,
        sessions: &Arc<SessionContext>,
        inbox: mpsc::Receiver<ToFanout>,
    ) -> Result<(), BusError> {
        let subscriber = self.subscribe_own_topics().await?;
        let (control, probe_state) = (subscriber.control(), ProbeState::default());
        let probe = BusProbe {
            bus: self.bus.clone(),
            node: self.name.clone(),
            probe_state: probe_state.clone(),
            control: control.clone(),
            health: health.clone(),
            metrics: self.metrics.clone(),
        };
        self.critical_tasks.spawn(probe.run());
        let (results, done) = mpsc::channel(task::RESULTS);
        let wants = WantedTopics::default();
        self.critical_tasks
            .spawn(subscriptions::run(wants.clone(), control, results.clone()));
        let metrics = self.metrics.clone();
        let admission = self.admission.clone();
        let router = TopicRouter::new(shards.len(), wants, admission, metrics, Instant::now());
        let joiner = Arc::clone(sessions);
        let fanout = Fanout {
            router,
            shards: Outbox::new(shards),
            queries: sessions.requests.queries.clone(),
            entries: self.entries.clone(),
            replies: self.replies.clone(),
            join_server: Box::new(move |joining| joiner.start_joining(joining)),
            presence: sessions.presence.clone(),
            probe_state,
            tasks: self.tasks.clone(),
            results,
            metrics: self.metrics.clone(),
        };
        self.critical_tasks
            .spawn(fanout.run(subscriber, inbox, done));
        Ok(())
    }

    async fn subscribe_own_topics(&self) -> Result<Subscriber, BusError> {
        let subscriber = self.bus.subscriber().await?;
        let own = vec![
            Topic::Node(self.name.clone()),
            Topic::Beats,
            Topic::Probe(self.name.clone()),
        ];
        subscriber.control().subscribe(own).await?;
        Ok(subscriber)
    }
}
