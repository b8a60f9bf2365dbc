//! A redis-server of our own, on a free port and in a directory of its own.

use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use shared::bus::Bus;

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
