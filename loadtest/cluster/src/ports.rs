//! Which ports a cluster listens on.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use crate::environment::{entropy, say};

/// How ports are chosen.
#[derive(Debug, Clone)]
pub enum Ports {
    /// Any that is free, held by these sockets until the cluster is gone.
    Random(Arc<Mutex<Vec<OwnedFd>>>),
    /// As this file remembers them; the first free one where it does not, or where somebody else
    /// took one.
    Remembered(PathBuf),
}

impl Ports {
    /// Any that is free.
    pub(crate) fn random() -> Self {
        Self::Random(Arc::default())
    }

    /// The port of this name, which is at least `first` if it is to be remembered.
    pub fn choose(&self, name: &str, first: u16) -> Result<u16> {
        let file = match self {
            Self::Remembered(file) => file,
            Self::Random(held) => {
                let (port, socket) = hold_port()?;
                held.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(socket);
                return Ok(port);
            }
        };
        let text = fs::read_to_string(file).unwrap_or_default();
        let mut known: BTreeMap<&str, u16> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .filter_map(|(name, port)| Some((name, port.parse().ok()?)))
            .collect();
        let before = known.remove(name);
        let port = before
            .into_iter()
            .chain(first..=u16::MAX)
            .find(|port| is_free(*port) && !known.values().any(|other| other == port))
            .context("no port is free")?;
        if let Some(before) = before.filter(|before| *before != port) {
            say(format_args!(
                "port {before} ({name}) is taken by another program: using {port}"
            ));
        }
        known.insert(name, port);
        let lines = known.iter().map(|(name, port)| format!("{name}={port}\n"));
        fs::write(file, lines.collect::<String>()).context("remembering the ports")?;
        Ok(port)
    }
}

/// Whether nothing listens on this port of loopback.
fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A free port on loopback, below those that the system gives to outgoing connections, and a
/// socket that holds it: another cluster, or another process of this one, could choose the same
/// before the process for which it is listens. The socket is bound before it allows others
/// beside it, so whoever holds a port is noticed; then, as it never listens, the process may.
fn hold_port() -> Result<(u16, OwnedFd)> {
    for _ in 0..200 {
        let port = 10_000 + u16::try_from(entropy() % 22_000).unwrap_or_default();
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        if bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).is_ok() {
            sockopt::set_socket_reuseaddr(&socket, true)?;
            return Ok((port, socket));
        }
    }
    bail!("no port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_held_for_the_process_that_will_listen() {
        let (port, _held) = hold_port().unwrap();
        assert!((10_000..32_768).contains(&port));
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        );
        let other = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        bind(socket.unwrap(), &other).unwrap_err();
        let _listens = TcpListener::bind(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn a_port_is_remembered_until_somebody_takes_it() {
        let name = format!("confab-ports-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let ports = Ports::Remembered(file.clone());
        let (first, _) = hold_port().unwrap();
        let one = ports.choose("ONE", first).unwrap();
        assert_eq!(ports.choose("ONE", 9).unwrap(), one);
        let other = ports.choose("OTHER", one).unwrap();
        assert_ne!(other, one);
        let _taken = TcpListener::bind(("127.0.0.1", one)).unwrap();
        let moved = ports.choose("ONE", one).unwrap();
        assert!(moved != one && moved != other);
        fs::remove_file(file).unwrap();
    }
}
