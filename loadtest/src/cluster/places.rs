//! Where the programs are, and which ports are free.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{environment::variable, random::entropy};

/// The programs of a cluster.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) gateway: PathBuf,
    pub(super) worker: PathBuf,
    pub(super) redis: PathBuf,
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    pub(super) createdb: PathBuf,
}

impl Programs {
    pub(super) fn find() -> Result<Self> {
        let ours = our_programs()?;
        let gateway = built(&ours, "gateway")?;
        let worker = built(&ours, "worker")?;
        Self::with(gateway, worker)
    }

    /// Ours as given, the others as installed.
    pub(super) fn with(gateway: PathBuf, worker: PathBuf) -> Result<Self> {
        let postgres = postgres_programs()?;
        Ok(Self {
            gateway,
            worker,
            redis: match variable("CONFAB_REDIS_SERVER") {
                Some(path) => path.into(),
                None => on_path("redis-server")
                    .context("redis-server is missing: install it or set CONFAB_REDIS_SERVER")?,
            },
            initdb: postgres.join("initdb"),
            createdb: postgres.join("createdb"),
            postgres: postgres.join("postgres"),
        })
    }
}

/// The folder of our own binaries: `target/<profile>`, above the `deps` that
/// test executables are in.
fn our_programs() -> Result<PathBuf> {
    if let Some(dir) = variable("CONFAB_BIN_DIR") {
        // The programs run in a folder of their own.
        return Ok(std::path::absolute(dir)?);
    }
    let this = std::env::current_exe().context("finding the running program")?;
    let dir = this.parent().context("the program has no folder")?;
    if dir.ends_with("deps") {
        return Ok(dir.parent().unwrap_or(dir).to_owned());
    }
    Ok(dir.to_owned())
}

fn built(dir: &Path, name: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    if path.is_file() {
        return Ok(path);
    }
    bail!(
        "{} is missing: run `cargo build` first, or set CONFAB_BIN_DIR",
        path.display()
    )
}

fn postgres_programs() -> Result<PathBuf> {
    if let Some(dir) = variable("CONFAB_PG_BIN") {
        return Ok(dir.into());
    }
    let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("postgres").is_file())
        .collect();
    installed.sort();
    installed
        .pop()
        .or_else(|| Some(on_path("postgres")?.parent()?.to_owned()))
        .context("postgres is missing: install it or set CONFAB_PG_BIN")
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

/// A free port on loopback, below those that the system gives to outgoing
/// connections: one of them could take it before the process listens.
pub(super) fn free_port() -> Result<u16> {
    for _ in 0..200 {
        let port = 10_000 + u16::try_from(entropy() % 22_000).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_binary_says_what_to_do() {
        let error = built(Path::new("/nonexistent"), "gateway").unwrap_err();
        assert!(error.to_string().contains("cargo build"), "{error}");
    }

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!((10_000..32_768).contains(&port));
    }
}
