//! The parts of a gateway, put together; how it runs and how it stops.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::available_parallelism,
    time::Duration,
};

use prometheus::Registry;
use shared::{
    bus::{Bus, BusError, Topic},
    clock::Clock,
    config::KeyError,
    domain::limits::MAX_FRAME_BYTES,
    ops::{self, Health},
    vital::Vital,
};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bus_probe::{self, Echo},
    config::Config,
    connection::Link,
    delivery::shard,
    dialect::Dialect,
    doors::{
        accept::{self, Door},
        client_origin::Origins,
        http,
    },
    fanout::{
        message::ToShard,
        outbox::Outbox,
        subscriptions,
        task::{self, Exchange, Fanout},
        topic_router::Table,
    },
    limits::{
        connection_limit::{Place, Places},
        memory::Memory,
        token_bucket::{Bucket, Rate},
    },
    metrics::{Metrics, ShardMetrics},
    requests::{
        admission::Admission,
        commands::Upstream,
        queries::{self, Queries},
        quotas::Quotas,
        token_cache::Tokens,
    },
    session::{Rules, attach::Opener, event_log::Log},
    transport::tls::TlsError,
};

/// The metrics of a gateway, each with a value, for the reference.
pub fn metrics() -> Result<Registry, prometheus::Error> {
    let registry = Registry::new();
    Metrics::new(&registry)?.touch();
    Ok(registry)
}

/// Sockets beyond the sessions: those that are on their way to become one, and
/// HTTP requests.
const SPARE_SOCKETS: usize = 1_024;
/// Sockets of one address beyond its sessions.
const SPARE_ADDRESS_SOCKETS: usize = 128;
/// How long the last close frames may take after the drain window.
const FAREWELL: Duration = Duration::from_secs(8);

/// What every session needs.
pub struct Gateway {
    /// Its name.
    pub node: String,
    /// What sessions keep to.
    pub rules: Rules,
    /// The largest frame of a client.
    pub max_frame_bytes: usize,
    /// Which addresses and pages may connect.
    pub origins: Origins,
    /// How many connections there may be.
    pub places: Places,
    /// How much may wait for all of them.
    pub memory: Memory,
    /// Whether messages are compressed for clients that ask for it.
    pub compression: bool,
    /// What accounts and addresses may ask.
    pub quotas: Arc<Quotas>,
    /// Bounds HTTP commands.
    pub http: http::Bounds,
    /// Tokens of HTTP commands.
    pub tokens: Arc<Tokens>,
    /// Commands to lanes.
    pub upstream: Upstream,
    /// Questions to workers.
    pub queries: Queries,
    /// Opens sessions.
    pub opener: Opener,
    /// The fan-out and the shards.
    pub exchange: Exchange,
    /// Where sessions run.
    pub tasks: TaskTracker,
    /// Cancelled when the gateway begins to stop.
    pub stop: CancellationToken,
    /// What is counted.
    pub metrics: Metrics,
    connections: AtomicU64,
    /// Which traces of strangers go on here.
    traces: Mutex<Bucket>,
}

/// Requests per second whose callers may decide that they are traced.
const TRACES: Rate = Rate {
    per_second: 10,
    burst: 40,
};

impl Gateway {
    /// Whether one more request may be traced because its caller says so.
    pub fn traced(&self) -> bool {
        let mut bucket = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.draw(TRACES, 1, Instant::now())
    }

    /// What the halves of a new connection share.
    pub fn link(&self, dialect: Dialect, address: u64, place: Place) -> Link {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let shard = shard::of(connection, self.exchange.shards.len());
        Link::new(connection, shard, dialect, address, place)
    }
}

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bus gave no subscriber.
    #[error("the bus: {0}")]
    Bus(#[from] BusError),
    /// A task that everything depends on has ended; the log has the cause.
    #[error("a vital task has ended")]
    Broken,
    /// There are no keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Two metrics have one name.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
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
    let health = Health::new(&[bus_probe::CHECK]);
    let house = House::build(&config, bus, &registry, &health).await?;
    // The operations port answers until the very end.
    let ops_stop = CancellationToken::new();
    let ops_tasks = TaskTracker::new();
    let serving = ops::serve(ops_listener, registry, health.clone(), ops_stop.clone());
    ops_tasks.spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the operations port has ended");
        }
    });
    let gateway = Arc::clone(&house.gateway);
    let door = door(&config, &house)?;
    house.gateway.tasks.spawn(accept::run(listener, door));
    tracing::info!(node.id = %gateway.node, "serving");
    drop(gateway);
    let broken = tokio::select! {
        () = shutdown.cancelled() => false,
        () = house.vital.broken() => true,
    };
    if broken {
        // Nothing can be drained: sockets close, and clients resume elsewhere.
        tracing::error!("a vital task has ended");
        return Err(Error::Broken);
    }
    health.draining();
    house.lame_duck(config.limits.lame_duck()).await;
    house.drain(config.limits.drain()).await;
    ops_stop.cancel();
    ops_tasks.close();
    ops_tasks.wait().await;
    Ok(())
}

/// What connections pass.
fn door(config: &Config, house: &House) -> Result<Arc<Door>, Error> {
    let (limits, transport) = (&config.limits, &config.transport);
    let total = limits.max_connections.saturating_add(SPARE_SOCKETS);
    let sessions = limits.max_address_connections;
    let per_address = sessions.saturating_add(SPARE_ADDRESS_SOCKETS);
    // Behind a proxy all sockets come from its address.
    let direct = config.trusted_proxies == 0 && !transport.proxy_protocol;
    let certificate = transport.certificate()?;
    if let Some(certificate) = certificate.clone() {
        house.vital.spawn(certificate.follow());
    }
    let gateway = &house.gateway;
    Ok(Arc::new(Door {
        router: http::router(Arc::clone(gateway)),
        sockets: Places::new(total, if direct { per_address } else { usize::MAX }),
        addresses: Places::new(total, per_address),
        proxied: transport.proxy_protocol,
        certificate,
        stall: limits.stall(),
        tasks: gateway.tasks.clone(),
        stop: gateway.stop.clone(),
        metrics: gateway.metrics.clone(),
    }))
}

/// Where answers find this process on the bus. A process that is started anew
/// has the name of the one before and counts its connections from 1 again: what
/// is still on its way to that one must not reach it.
fn incarnation(node: &str) -> String {
    let random = RandomState::new().hash_one(Clock::system().now_ms());
    format!("{node}~{random:016x}")
}

/// The gateway and what keeps it going.
struct House {
    gateway: Arc<Gateway>,
    vital: Vital,
}

impl House {
    async fn build(
        config: &Config,
        bus: Bus,
        registry: &Registry,
        health: &Health,
    ) -> Result<Self, Error> {
        let metrics = Metrics::new(registry)?;
        let node = config.node.node.clone();
        let name = incarnation(&node);
        let vital = Vital::default();
        let memory = Memory::new(config.limits.memory_bytes);
        let shards = start_shards(config, &memory, &metrics, &vital);
        let (fanout_sender, sessions) = mpsc::channel(task::INBOX);
        let exchange = Exchange {
            fanout: fanout_sender,
            shards: shards.clone().into(),
        };
        let keys = config.keys.keys()?;
        let queries = Queries::new(
            bus.clone(),
            queries::Origin {
                node: name.clone(),
                keys: keys.clone(),
                clock: Clock::system(),
            },
            metrics.clone(),
            config.limits.answer(),
        );
        let admission = Admission::new(config.limits.max_backlog, Instant::now());
        let tokens = Arc::<Tokens>::default();
        let quotas = Arc::new(Quotas::new(config.limits.quotas()));
        let opener = Opener {
            queries: queries.clone(),
            exchange: exchange.clone(),
            metrics: metrics.clone(),
            tokens: Arc::clone(&tokens),
            quotas: Arc::clone(&quotas),
            // A page has to be read by the client before the next one is.
            log: Log::new(queries.clone(), config.limits.queue_bytes / 4),
        };
        let tasks = TaskTracker::new();
        let echo = Echo::default();

        hear_chunks(&bus, &queries, &name, &vital).await?;
        let subscriber = bus.subscriber().await?;
        let control = subscriber.control();
        let own = vec![
            Topic::Node(name.clone()),
            Topic::Beats,
            Topic::Probe(name.clone()),
        ];
        control.subscribe(own).await?;
        let probe = bus_probe::Probe {
            bus: bus.clone(),
            node: name,
            echo: echo.clone(),
            control: control.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
        };
        vital.spawn(probe.run());
        let (results, done) = mpsc::channel(task::RESULTS);
        let wants = subscriptions::Wants::default();
        vital.spawn(subscriptions::run(wants.clone(), control, results.clone()));
        let table = Table::new(
            shards.len(),
            wants,
            admission.clone(),
            metrics.clone(),
            Instant::now(),
        );
        let fanout = Fanout {
            table,
            shards: Outbox::new(shards),
            queries: queries.clone(),
            opener: opener.clone(),
            echo,
            tasks: tasks.clone(),
            results,
            metrics: metrics.clone(),
        };
        vital.spawn(fanout.run(subscriber, sessions, done));

        let origins = Origins::new(&config.origins, config.trusted_proxies, keys);
        let limits = &config.limits;
        let (upstream, uplink) = Upstream::new(
            bus,
            admission,
            queries.clone(),
            metrics.clone(),
            limits.max_pending,
        );
        vital.spawn(uplink.run(exchange.clone()));
        let gateway = Gateway {
            node,
            rules: limits.rules(),
            max_frame_bytes: MAX_FRAME_BYTES,
            origins,
            places: Places::new(limits.max_connections, limits.max_address_connections),
            http: http::Bounds::new(&memory, limits.memory_bytes),
            memory,
            compression: config.transport.compression,
            quotas,
            tokens,
            upstream,
            queries,
            opener,
            exchange,
            tasks,
            stop: CancellationToken::new(),
            metrics,
            connections: AtomicU64::new(0),
            traces: Mutex::new(Bucket::full(TRACES, Instant::now())),
        };
        Ok(Self {
            gateway: Arc::new(gateway),
            vital,
        })
    }

    /// Goes on as before, so that whoever chooses gateways notices before it refuses.
    async fn lame_duck(&self, period: Duration) {
        tracing::info!(?period, "not ready any more");
        tokio::select! {
            () = sleep(period) => {}
            () = self.vital.broken() => {}
        }
    }

    /// Sends everyone away over the window, and ends when everyone is gone.
    async fn drain(self, window: Duration) {
        let Self { gateway, vital } = self;
        tracing::info!(connections = gateway.places.taken(), "draining");
        gateway.stop.cancel();
        for shard in 0..gateway.exchange.shards.len() {
            gateway.exchange.tell(shard, ToShard::Drain(window)).await;
        }
        gateway.tasks.close();
        tokio::select! {
            () = gateway.tasks.wait() => {}
            () = sleep(window + FAREWELL) => {
                tracing::warn!(connections = gateway.places.taken(), "some connections did not end");
            }
        }
        vital.stop().await;
        tracing::info!("drained");
    }
}

/// Hears the answers of queries, on a connection of their own.
async fn hear_chunks(
    bus: &Bus,
    queries: &Queries,
    node: &str,
    vital: &Vital,
) -> Result<(), BusError> {
    let subscriber = bus.subscriber().await?;
    let topic = Topic::Chunks(node.to_owned());
    subscriber.control().subscribe(vec![topic]).await?;
    vital.spawn(queries::hear(queries.clone(), subscriber));
    Ok(())
}

fn start_shards(
    config: &Config,
    memory: &Memory,
    metrics: &Metrics,
    vital: &Vital,
) -> Vec<mpsc::Sender<ToShard>> {
    let cores = available_parallelism().map_or(1, usize::from);
    (0..cores)
        .map(|_| {
            let (sender, inbox) = mpsc::channel(shard::INBOX);
            let counted = ShardMetrics::new(metrics.clone());
            let bounds = config.limits.shards();
            vital.spawn(shard::run(inbox, bounds, memory.clone(), counted));
            sender
        })
        .collect()
}
