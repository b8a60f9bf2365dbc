//! A redis-server of our own, on a free port and in a directory of its own.

use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::bus::Bus;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::task::TaskTracker;

static SERVERS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Redis {
    port: u16,
    directory: PathBuf,
    child: Child,
}

impl Redis {
    /// Starts an empty server. Nothing is written to disk.
    pub(crate) fn start() -> Self {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("confab-redis-{}-{number}", std::process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = spawn(port, &directory).unwrap();
        Self {
            port,
            directory,
            child,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A bus on this server; waits until it is up.
    pub(crate) async fn bus(&self) -> Bus {
        Bus::connect(&self.url()).await.unwrap()
    }

    /// Freezes it (`STOP`) or lets it go on (`CONT`).
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port, &self.directory).unwrap();
    }

    /// Runs one command as an operator would.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli")
            .args(["-p", &port])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Whatever is gone already is no reason to fail.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.directory));
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
        let (passing, target) = (Arc::clone(&rate), redis.port);
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

#[expect(
    clippy::disallowed_methods,
    reason = "where tests find a program, no configuration"
)]
fn spawn(port: u16, directory: &PathBuf) -> io::Result<Child> {
    let binary = env::var_os("CONFAB_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    Command::new(binary)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(directory)
        .stdout(Stdio::null())
        .spawn()
}
