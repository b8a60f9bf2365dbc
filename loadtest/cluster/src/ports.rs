//! Which ports a cluster listens on.

use std::{collections::BTreeMap, fs, net::TcpListener, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::environment::{entropy, say};

/// How ports are chosen.
#[derive(Debug, Clone)]
pub enum Ports {
    /// Any that is free.
    Random,
    /// As this file remembers them; the first free one where it does not, or where somebody else
    /// took one.
    Remembered(PathBuf),
}

impl Ports {
    /// The port of this name, which is at least `first` if it is to be remembered.
    pub fn choose(&self, name: &str, first: u16) -> Result<u16> {
        let Self::Remembered(file) = self else {
            return free_port();
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

/// A free port on loopback, below those that the system gives to outgoing
/// connections: one of them could take it before the process listens.
fn free_port() -> Result<u16> {
    for _ in 0..200 {
        let port = 10_000 + u16::try_from(entropy() % 22_000).unwrap_or_default();
        if is_free(port) {
            return Ok(port);
        }
    }
    bail!("no port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!((10_000..32_768).contains(&port));
    }

    #[test]
    fn a_port_is_remembered_until_somebody_takes_it() {
        let name = format!("confab-ports-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let ports = Ports::Remembered(file.clone());
        let first = free_port().unwrap();
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
