//! A Redis of our own, and a slow link to it.

use std::{
    net::Ipv4Addr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cluster::{Cluster, Node, Settings};
use shared::bus::Bus;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::task::TaskTracker;

pub(crate) struct Redis(Cluster);

impl Redis {
    /// Starts an empty server. Nothing is written to disk.
    pub(crate) async fn start() -> Self {
        Self(Cluster::start(Settings::redis_alone()).await.unwrap())
    }

    /// Its process.
    pub(crate) fn node(&self) -> &Node {
        &self.0.redis
    }

    pub(crate) fn url(&self) -> &str {
        self.0.redis_url()
    }

    /// A bus on this server; waits until it is up.
    pub(crate) async fn bus(&self) -> Bus {
        Bus::connect(self.url()).await.unwrap()
    }

    /// Runs one command as an operator would.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.node().port().to_string();
        let output = Command::new("redis-cli")
            .args(["-p", &port])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A link to a server that lets this many bytes pass in a second, in each direction.
pub(crate) struct SlowLink {
    port: u16,
    rate: Arc<AtomicU64>,
}

impl SlowLink {
    /// A link that is as fast as it can be.
    pub(crate) async fn start(redis: &Redis) -> Self {
        let rate = Arc::new(AtomicU64::new(0));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let (passing, target) = (Arc::clone(&rate), redis.node().port());
        let tasks = TaskTracker::new();
        tasks.clone().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // The server may not be up yet; the client comes again.
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tasks.spawn(pass(from_client, to_server, Arc::clone(&passing)));
                tasks.spawn(pass(from_server, to_client, Arc::clone(&passing)));
            }
        });
        Self { port, rate }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// This many bytes per second pass from now on.
    pub(crate) fn slow_down(&self, rate: u64) {
        self.rate.store(rate, Ordering::Relaxed);
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    rate: Arc<AtomicU64>,
) {
    let mut buffer = [0; 2_048];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let millis = (count as u64 * 1_000)
            .checked_div(rate.load(Ordering::Relaxed))
            .unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
