//! A private cluster on loopback: Postgres, Redis, workers and gateways, each
//! a process of its own that a test may kill, freeze and start again.
//!
//! Everything lives in one temporary directory. A guard process ends what is
//! left and removes the directory when this process ends, however it ends.

mod guard;
mod node;
mod places;
mod services;
mod settings;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use tokio::time::{Instant, sleep};

pub use node::{Node, Signal};
pub use settings::{Disk, Settings};

use self::{guard::Guard, places::Programs};
use crate::{http, proxy::Proxy, random::entropy};

/// A process is ready within this time or it never will be: debug binaries on
/// two busy cores need a few seconds.
const START: Duration = Duration::from_secs(30);
/// How often readiness is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A running cluster. Dropping it ends its processes.
#[derive(Debug)]
pub struct Cluster {
    /// The database.
    pub postgres: Node,
    /// The bus.
    pub redis: Node,
    /// The workers.
    pub workers: Vec<Node>,
    /// The gateways.
    pub gateways: Vec<Node>,
    /// Between each gateway and Redis, where the settings asked for it.
    pub proxies: Vec<Proxy>,
    /// Between each worker and Redis, likewise.
    pub worker_proxies: Vec<Proxy>,
    /// Between each worker and Postgres, likewise.
    pub database_proxies: Vec<Proxy>,
    /// Another Redis, where the settings asked for it.
    pub spare: Option<Node>,
    dir: PathBuf,
    _guard: Guard,
}

impl Cluster {
    /// Starts a cluster and waits until all of it is ready.
    pub async fn start(settings: Settings) -> Result<Self> {
        let programs = Programs::find()?;
        let dir = std::env::temp_dir().join(format!("confab-{:012x}", entropy() >> 16));
        fs::create_dir(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let guard = Guard::start(&dir)?;
        if let Disk::Small(megabytes) = settings.disk {
            services::mount_disks(&dir, megabytes)?;
        }
        let postgres = services::postgres(&programs, &dir, &guard, settings.disk).await?;
        let redis = services::redis(&programs, ("redis", &dir), &guard, settings.redis_keeps)?;
        services::redis_answers(redis.port()).await?;
        let spare = if settings.spare_redis {
            let spare = services::redis(&programs, ("redis-2", &dir), &guard, false)?;
            services::redis_answers(spare.port()).await?;
            Some(spare)
        } else {
            None
        };
        let database_url = services::database_url(postgres.port());
        let redis_url = format!("redis://127.0.0.1:{}", redis.port());
        services::migrate(&programs, &dir, &database_url)?;

        let (mut proxies, mut worker_proxies) = (Vec::new(), Vec::new());
        let mut database_proxies = Vec::new();
        let mut workers = Vec::new();
        let mut gateways = Vec::new();
        for number in 1..=settings.workers {
            let mut worker = Node::new(&format!("worker-{number}"), &programs.worker, &dir)?;
            worker
                .argument("run")
                .set("DATABASE_URL", &database_url)
                .set("REDIS_URL", &redis_url);
            if settings.proxies {
                let proxy = Proxy::start(&loopback(redis.port())).await?;
                worker.set("REDIS_URL", &format!("redis://{}", proxy.address()));
                worker_proxies.push(proxy);
                let proxy = Proxy::start(&loopback(postgres.port())).await?;
                let url = services::database_url(proxy.address().port());
                worker.set("DATABASE_URL", &url);
                database_proxies.push(proxy);
            }
            settings.apply(&mut worker);
            worker.start(&guard)?;
            workers.push(worker);
        }
        for number in 1..=settings.gateways {
            let mut gateway = Node::new(&format!("gateway-{number}"), &programs.gateway, &dir)?;
            gateway.set("REDIS_URL", &redis_url);
            if settings.proxies {
                let proxy = Proxy::start(&loopback(redis.port())).await?;
                gateway.set("REDIS_URL", &format!("redis://{}", proxy.address()));
                proxies.push(proxy);
            }
            settings.apply(&mut gateway);
            gateway.start(&guard)?;
            gateways.push(gateway);
        }
        let cluster = Self {
            postgres,
            redis,
            workers,
            gateways,
            proxies,
            worker_proxies,
            database_proxies,
            spare,
            dir,
            _guard: guard,
        };
        cluster
            .ready(START)
            .await
            .map_err(|error| anyhow!("{error:#}\n{}", cluster.tails()))?;
        Ok(cluster)
    }

    /// The WebSocket addresses of the gateways.
    pub fn addresses(&self) -> Vec<String> {
        self.gateways.iter().map(Node::address).collect()
    }

    /// Waits until every worker and gateway says that it is ready.
    pub async fn ready(&self, patience: Duration) -> Result<()> {
        for node in self.workers.iter().chain(&self.gateways) {
            node_ready(node, patience).await?;
        }
        Ok(())
    }

    /// Creates another database in the cluster's Postgres, migrated and empty; answers with its URL.
    pub fn fresh_database(&self, name: &str) -> Result<String> {
        services::fresh_database(&Programs::find()?, &self.dir, &self.postgres, name)
    }

    /// Where the processes keep their data and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The end of each log, for a report of a fault.
    pub fn tails(&self) -> String {
        [&self.postgres, &self.redis]
            .into_iter()
            .chain(&self.workers)
            .chain(&self.gateways)
            .map(Node::tail)
            .collect()
    }

    /// Looks into the database, or changes what no request can.
    pub async fn sql<T>(
        &self,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        services::sql(&services::database_url(self.postgres.port()), work).await
    }

    /// Empties Redis, as an operator's slip would.
    pub async fn flush_redis(&self) -> Result<()> {
        redis_tell(&self.redis, "FLUSHALL").await
    }

    /// Starts Postgres again, as often as it takes: the processes of the one
    /// that was killed need a moment to go.
    pub async fn restart_postgres(&self) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            self.postgres.restart()?;
            while self.postgres.runs() {
                if services::accepts(self.postgres.port()).await {
                    return Ok(());
                }
                sleep(POLL).await;
            }
            if Instant::now() > deadline {
                bail!("postgres does not start again\n{}", self.postgres.tail());
            }
            sleep(POLL).await;
        }
    }

    /// Starts Redis again, empty.
    pub async fn restart_redis(&self) -> Result<()> {
        self.redis.restart()?;
        services::redis_answers(self.redis.port()).await
    }
}

/// Gives a Redis one command without spaces in its words.
pub async fn redis_tell(redis: &Node, command: &str) -> Result<()> {
    let answer = services::redis_command(redis.port(), command).await?;
    if answer.starts_with('-') {
        bail!("{} to {command}: {answer}", redis.name());
    }
    Ok(())
}

/// Whether this process may mount file systems, which small disks need.
pub fn can_mount() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("confab-{:012x}", entropy() >> 16));
    fs::create_dir(&dir)?;
    let tried = services::try_mount(&dir);
    fs::remove_dir(&dir)?;
    tried
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Whether a worker or gateway says that it is ready.
pub async fn node_is_ready(node: &Node) -> bool {
    let answer = http::get(&loopback(node.ops_port()), "/readyz").await;
    answer.is_ok_and(|answer| answer.status == 200)
}

/// What a worker or gateway counts under `name`, labels included; 0 while it shows
/// no such line.
pub async fn node_metric(node: &Node, name: &str) -> Result<u64> {
    let answer = http::get(&loopback(node.ops_port()), "/metrics").await?;
    let text = String::from_utf8_lossy(&answer.body);
    let value = text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix(' ')?
            .parse::<f64>()
            .ok()
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counters below 2^53"
    )]
    Ok(value.unwrap_or_default() as u64)
}

/// Waits until a worker or gateway says that it is ready.
pub async fn node_ready(node: &Node, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        if node_is_ready(node).await {
            return Ok(());
        }
        if !node.runs() {
            bail!("{} ended before it was ready\n{}", node.name(), node.tail());
        }
        if Instant::now() > deadline {
            bail!("{} does not get ready\n{}", node.name(), node.tail());
        }
        sleep(POLL).await;
    }
}
