//! `gateway health` and `worker health`: what the operations port of the process beside this one says. Images hold neither
//! a shell nor an HTTP client that could ask it.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use clap::Args;

use crate::config::OpsConfig;

/// How long the port may take over each step.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than any answer has.
const MAX_ANSWER: u64 = 64 * 1024;

/// What is asked, and where.
#[derive(Debug, Clone, Args)]
pub struct HealthConfig {
    /// Ask whether it should get work (/readyz), not only whether it lives (/healthz).
    #[arg(long)]
    pub ready: bool,

    /// The operations port.
    #[command(flatten)]
    pub ops: OpsConfig,
}

/// Why a process is not well.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Nobody answers.
    #[error("{0} does not answer: {1}")]
    Silent(SocketAddr, io::Error),
    /// It says so itself.
    #[error("{0}")]
    Says(String),
}

/// Asks, and fails unless the answer is 200.
pub fn check_health(config: &HealthConfig) -> Result<(), Unhealthy> {
    let address = reachable(config.ops.ops_listen);
    let path = if config.ready { "/readyz" } else { "/healthz" };
    let answer = ask(address, path).map_err(|error| Unhealthy::Silent(address, error))?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let status = answer.lines().next().unwrap_or_default();
    Err(Unhealthy::Says(format!("{status}\n{}", body.trim_end())))
}

/// Where a process that listens there is reached from the same machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.take(MAX_ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use prometheus::Registry;

    use super::*;
    use crate::ops::{Health, OpsPort};

    async fn check(ops_listen: SocketAddr, ready: bool) -> Result<(), Unhealthy> {
        let ops = OpsConfig { ops_listen };
        let checking =
            tokio::task::spawn_blocking(move || check_health(&HealthConfig { ready, ops }));
        checking.await.unwrap()
    }

    #[tokio::test]
    async fn a_process_that_lives_is_healthy_and_ready_only_when_its_checks_hold() {
        // Everywhere, as in a container: it is asked on loopback.
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let health = Health::new(&["bus"]);
        let port = OpsPort::open(listener, Registry::new(), health.clone()).unwrap();

        check(address, false).await.unwrap();
        let error = check(address, true).await.unwrap_err().to_string();
        assert!(error.contains("503"), "{error}");
        assert!(error.contains("bus: not checked yet"), "{error}");
        health.set_check("bus", Ok(()));
        check(address, true).await.unwrap();
        health.start_draining();
        assert!(check(address, true).await.is_err());
        check(address, false).await.unwrap();

        port.close().await;
        let error = check(address, false).await.unwrap_err();
        assert!(matches!(error, Unhealthy::Silent(..)), "{error}");
    }

    #[tokio::test]
    async fn who_accepts_and_says_nothing_is_not_healthy() {
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = check(mute.local_addr().unwrap(), false).await.unwrap_err();
        assert!(matches!(error, Unhealthy::Silent(..)), "{error}");
    }

    #[test]
    fn an_address_that_means_all_is_asked_on_loopback() {
        let asked = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:9100"), "127.0.0.1:9100");
        assert_eq!(asked("[::]:9100"), "[::1]:9100");
        assert_eq!(asked("10.0.0.7:9100"), "10.0.0.7:9100");
    }
}
