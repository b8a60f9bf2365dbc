//! A cluster: Postgres, Redis, workers and gateways, each a process of its own that a test may
//! kill, freeze and start again.
//!
//! Everything of a test's lives in one temporary directory. A guard process ends what is
//! left and removes the directory when this process ends, however it ends.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Result, anyhow, bail};
use tokio::time::{Instant, sleep};

use crate::{
    backup::Backup,
    balancer, database_url, dump,
    environment::entropy,
    guard::Guard,
    http,
    node::Node,
    place::Place,
    programs::our_program,
    proxy::Proxy,
    services::{self, POLL, REDIS_FORGETS, REDIS_KEEPS, REDIS_OF_MAKE_UP, START, node_ready},
    settings::{Disk, Settings, Stores},
    stores::Replicated,
};

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
    /// What stands before them, where the settings asked for it.
    pub balancer: Option<Node>,
    /// Between each gateway and Redis, where the settings asked for it.
    pub proxies: Vec<Proxy>,
    /// Between each worker and Redis, likewise.
    pub worker_proxies: Vec<Proxy>,
    /// Between each worker and Postgres, likewise.
    pub database_proxies: Vec<Proxy>,
    /// Another Redis, where the settings asked for it.
    pub spare: Option<Node>,
    database_url: String,
    redis_url: String,
    place: Place,
    /// The store that has several copies, where the settings asked for it.
    pub replicated: Option<Arc<Replicated>>,
    /// What backs Postgres up, where the settings asked for it.
    pub backup: Option<Backup>,
    /// Goes last.
    guard: Option<Guard>,
}

impl Cluster {
    /// Starts a cluster of its own and waits until all of it is ready.
    pub async fn start(settings: Settings) -> Result<Self> {
        let place = Place::temporary()?;
        let guard = Guard::start(&place.data)?;
        let mut cluster = Self::start_in(place, &settings).await?;
        cluster.guard = Some(guard);
        cluster
            .ready(START)
            .await
            .map_err(|error| anyhow!("{error:#}\n{}", cluster.tails()))?;
        Ok(cluster)
    }

    /// Starts a cluster in this place, where it stays if the place is one to keep.
    pub async fn start_in(place: Place, settings: &Settings) -> Result<Self> {
        if let Disk::Small(megabytes) = settings.disk {
            services::mount_disks(&place.data, megabytes).await?;
        }
        let mut cluster = Self::start_stores(place, settings).await?;
        if settings.disk == Disk::Durable {
            services::break_in(&cluster.database_url).await?;
        }
        if settings.workers > 0 {
            cluster.place.tell("migrating the database");
            services::migrate(&cluster.database_url).await?;
        }
        for number in 1..=settings.workers {
            cluster.start_worker(number, settings).await?;
        }
        cluster.start_doors(settings).await?;
        Ok(cluster)
    }

    /// The stores of a cluster that is to be: its own, or those that the settings name.
    async fn start_stores(place: Place, settings: &Settings) -> Result<Self> {
        let replicated = replicated(&place, settings).await?;
        let copies = replicated.as_ref();
        let elsewhere = settings.redis_url.as_deref();
        let elsewhere = elsewhere.or_else(|| copies?.redis_url());
        let (redis, redis_url) = if let Some(url) = elsewhere {
            (absent("redis", &place), url.to_owned())
        } else {
            let redis = services::redis(&place, "redis", redis_options(settings)).await?;
            let url = redis_url(redis.port());
            (redis, url)
        };
        let spare = if settings.spare_redis {
            Some(services::redis(&place, "redis-2", &REDIS_FORGETS).await?)
        } else {
            None
        };
        let elsewhere = settings.database_url.as_deref();
        let elsewhere = elsewhere.or_else(|| copies?.database_url());
        let (postgres, database_url, backup) = match elsewhere {
            Some(url) => (absent("postgres", &place), url.to_owned(), None),
            None => {
                services::postgres(&place, settings.disk, settings.stores == Stores::BackedUp)
                    .await?
            }
        };
        Ok(Self {
            postgres,
            redis,
            workers: Vec::new(),
            gateways: Vec::new(),
            balancer: None,
            proxies: Vec::new(),
            worker_proxies: Vec::new(),
            database_proxies: Vec::new(),
            spare,
            database_url,
            redis_url,
            place,
            replicated: replicated.map(Arc::new),
            backup,
            guard: None,
        })
    }

    /// The gateways, and what stands before them.
    async fn start_doors(&mut self, settings: &Settings) -> Result<()> {
        let haproxy = match &settings.haproxy {
            Some(program) => Some((program, balancer::choose_port(&self.place)?)),
            None => None,
        };
        for number in 1..=settings.gateways {
            self.start_gateway(number, settings).await?;
        }
        if let Some((program, port)) = haproxy {
            // Who is not ready at its first look is gone for it until the next one.
            self.ready(START).await?;
            let listen = (settings.host.as_str(), port);
            let started = balancer::start(&self.place, program, listen, &self.gateways);
            self.balancer = Some(started.await?);
        }
        Ok(())
    }

    async fn start_worker(&mut self, number: usize, settings: &Settings) -> Result<()> {
        let ops = self.port(&format!("WORKER_{number}_OPS_PORT"), 9189, number)?;
        let name = format!("worker-{number}");
        let mut worker = Node::new(&name, &our_program("worker")?, &self.place, (ops, ops));
        worker
            .arguments(["run"])
            .set("DATABASE_URL", &self.database_url)
            .set("REDIS_URL", &self.redis_url);
        if settings.proxies {
            let proxy = Proxy::start(&loopback(self.redis.port())).await?;
            worker.set("REDIS_URL", &redis_url(proxy.address().port()));
            self.worker_proxies.push(proxy);
            let proxy = Proxy::start(&loopback(self.postgres.port())).await?;
            let direct = loopback(self.postgres.port());
            let through = loopback(proxy.address().port());
            worker.set(
                "DATABASE_URL",
                &self.database_url.replace(&direct, &through),
            );
            self.database_proxies.push(proxy);
        }
        settings.apply(&mut worker);
        worker.start()?;
        self.workers.push(worker);
        Ok(())
    }

    async fn start_gateway(&mut self, number: usize, settings: &Settings) -> Result<()> {
        let port = self.port(&format!("GATEWAY_{number}_PORT"), 8079, number)?;
        let ops = self.port(&format!("GATEWAY_{number}_OPS_PORT"), 9179, number)?;
        let name = format!("gateway-{number}");
        let mut gateway = Node::new(&name, &our_program("gateway")?, &self.place, (port, ops));
        gateway.set("REDIS_URL", &self.redis_url);
        if settings.haproxy.is_some() {
            // Else whoever came by another way could say that he comes from anywhere.
            gateway.set("CONFAB_TRUSTED_PROXIES", "1");
        } else {
            gateway.set("CONFAB_LISTEN", &format!("{}:{port}", settings.host));
        }
        if settings.proxies {
            let proxy = Proxy::start(&loopback(self.redis.port())).await?;
            gateway.set("REDIS_URL", &redis_url(proxy.address().port()));
            self.proxies.push(proxy);
        }
        settings.apply(&mut gateway);
        gateway.start()?;
        self.gateways.push(gateway);
        Ok(())
    }

    fn port(&self, name: &str, before: u16, number: usize) -> Result<u16> {
        let first = before.saturating_add(u16::try_from(number)?);
        self.place.ports.choose(name, first)
    }

    /// The URL of the database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The URL of Redis.
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// All its processes, in the order in which they were started.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        let services = [&self.redis, &self.postgres];
        let ours = self.workers.iter().chain(&self.gateways);
        let copies = self.replicated.iter().flat_map(|store| store.nodes());
        services
            .into_iter()
            .chain(copies)
            .chain(ours)
            .chain(&self.balancer)
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
    pub async fn fresh_database(&self, name: &str) -> Result<String> {
        let create = format!("CREATE DATABASE {name}");
        self.sql(async |client| client.batch_execute(&create).await)
            .await?;
        let url = database_url::with_name(&self.database_url, name)?;
        services::migrate(&url).await?;
        Ok(url)
    }

    /// Where the processes keep their data and logs.
    pub fn dir(&self) -> &Path {
        &self.place.data
    }

    /// The end of each log, for a report of a fault.
    pub fn tails(&self) -> String {
        self.nodes().map(Node::tail).collect()
    }

    /// Looks into the database, or changes what no request can.
    pub async fn sql<T>(
        &self,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        services::sql(&self.database_url, work).await
    }

    /// Runs `worker` with these words on the database, as an operator does; fails as it does.
    pub async fn operate(&self, words: &[&str]) -> Result<()> {
        services::operate(&self.database_url, words).await
    }

    /// Runs `worker admin` with these words and with what is typed; fails as it does.
    pub async fn administer(&self, words: &[&str], typed: &str) -> Result<()> {
        let stores = (self.database_url(), self.redis_url());
        services::administer(stores, words, typed).await
    }

    /// Writes a dump of the database into a file of this name.
    pub async fn dump(&self, name: &str) -> Result<()> {
        dump::write(&self.database_url, &self.dir().join(name)).await
    }

    /// Puts a new database, with what that file holds, in the place of the one that there is.
    pub async fn read_dump(&self, name: &str) -> Result<()> {
        dump::read(&self.database_url, &self.dir().join(name)).await
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
            let Err(error) = services::postgres_ready(&self.postgres, &self.database_url).await
            else {
                return Ok(());
            };
            if Instant::now() > deadline {
                return Err(error);
            }
            sleep(POLL).await;
        }
    }

    /// Starts Redis again, empty.
    pub async fn restart_redis(&self) -> Result<()> {
        self.redis.restart()?;
        services::redis_ready(&self.redis).await
    }
}

/// The store that is to have several copies.
async fn replicated(place: &Place, settings: &Settings) -> Result<Option<Replicated>> {
    Ok(match settings.stores {
        Stores::Sentinels => Some(Replicated::redis(place).await?),
        Stores::Standby(standby) => Some(Replicated::postgres(place, standby).await?),
        Stores::Alone | Stores::BackedUp => None,
    })
}

/// How Redis keeps what it has.
const fn redis_options(settings: &Settings) -> &'static [&'static str] {
    match settings.disk {
        Disk::Kept => &REDIS_OF_MAKE_UP,
        _ if settings.redis_keeps => &REDIS_KEEPS,
        _ => &REDIS_FORGETS,
    }
}

/// A service that somebody else runs, or nobody.
fn absent(name: &str, place: &Place) -> Node {
    Node::new(name, Path::new(name), place, (0, 0))
}

/// Gives a Redis one command without spaces in its words.
pub async fn redis_tell(redis: &Node, command: &str) -> Result<()> {
    let answer = services::redis_command(&redis.loopback(), command).await?;
    if answer.starts_with('-') {
        bail!("{} to {command}: {answer}", redis.name());
    }
    Ok(())
}

/// Whether this process may mount file systems, which small disks need.
pub async fn can_mount() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("confab-{:012x}", entropy() >> 16));
    fs::create_dir(&dir)?;
    let tried = services::try_mount(&dir).await;
    fs::remove_dir(&dir)?;
    tried
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn redis_url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Signal, services::redis_command};

    #[tokio::test]
    async fn services_start_die_start_again_and_leave_nothing() {
        let settings = Settings {
            gateways: 0,
            workers: 0,
            ..Settings::default()
        };
        let cluster = Cluster::start(settings).await.unwrap();
        let redis = cluster.redis.loopback();
        redis_tell(&cluster.redis, "INCR a").await.unwrap();
        cluster.restart_redis().await.unwrap();
        assert_eq!(redis_command(&redis, "DBSIZE").await.unwrap(), ":0\r\n");

        let postgres = &cluster.postgres;
        postgres.signal_all(Signal::STOP).unwrap();
        postgres.signal_all(Signal::CONT).unwrap();
        let two = cluster.sql(async |client| client.query_one("SELECT 2", &[]).await);
        assert_eq!(two.await.unwrap().get::<_, i32>(0), 2);
        postgres.kill_all().unwrap();
        cluster.restart_postgres().await.unwrap();
        postgres.signal(Signal::TERM).unwrap();
        assert!(postgres.ended(START).await.unwrap().success());

        let dir = cluster.dir().to_owned();
        drop(cluster);
        assert!(!dir.exists(), "the guard removes the directory");
    }
}
