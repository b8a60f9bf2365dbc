//! Asks for the addresses of a name, and keeps those that requests may go to. The client connects to what it is
//! given here and asks no second time, so a name cannot change its mind in between.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::address::Reachable;

/// Names that are asked for at once: each takes a thread until the system answers.
const AT_ONCE: usize = 32;
/// How long a name may take, its turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// The name leads to nothing that requests may go to.
#[derive(Debug, Clone, Copy, Error)]
#[error("the name does not lead to the internet")]
pub(super) struct NotReachable;

/// Asks the system.
#[derive(Debug)]
pub(super) struct Resolver {
    reachable: Arc<Reachable>,
    turns: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new(reachable: Arc<Reachable>) -> Self {
        Self {
            reachable,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reachable, turns) = (self.reachable.clone(), self.turns.clone());
        Box::pin(async move {
            let asking = async {
                let turn = turns.acquire_owned().await.map_err(io::Error::other)?;
                let asking = spawn_blocking(move || {
                    // A thread cannot be called back: its turn ends with it, however soon nobody waits.
                    let _turn = turn;
                    Ok((name.as_str(), 0).to_socket_addrs()?.collect())
                });
                asking.await?
            };
            let found: io::Result<Vec<SocketAddr>> = timeout(PATIENCE, asking).await?;
            keep_reachable(&reachable, found?)
        })
    }
}

fn keep_reachable(
    reachable: &Reachable,
    mut found: Vec<SocketAddr>,
) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    found.retain(|address| reachable.includes(address.ip()));
    if found.is_empty() {
        return Err(NotReachable.into());
    }
    Ok(Box::new(found.into_iter()))
}
