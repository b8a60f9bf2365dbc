//! What the load is put on: a private cluster, somebody's cluster, or a bare server.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::future::try_join_all;

use super::options::Options;
use crate::{
    client::{self, Client},
    cluster::{Cluster, Disk, Settings},
    measure::{Role, Sampler},
    requests::{create_invite, create_server, join_as_guest},
};

/// Servers that are created at once.
const AT_ONCE: usize = 32;

/// What the load is put on.
#[derive(Debug)]
pub enum Target {
    /// A cluster of this run, with its processes.
    Private(Box<Cluster>),
    /// A cluster that runs somewhere.
    Running(Vec<String>),
    /// A server that copies what it gets to everyone.
    Bare {
        /// Where it listens.
        address: SocketAddr,
        /// Its process.
        pid: u32,
    },
}

impl Target {
    /// The cluster that the options name, or a private one.
    pub async fn confab(options: &Options, environment: &[(&'static str, String)]) -> Result<Self> {
        if !options.gateway.is_empty() {
            return Ok(Self::Running(options.gateway.clone()));
        }
        let cluster = Cluster::start(settings(options, environment)).await?;
        Ok(Self::Private(Box::new(cluster)))
    }

    /// Where members connect to.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>> {
        match self {
            Self::Bare { address, .. } => Ok(vec![*address]),
            Self::Private(cluster) => cluster.addresses().iter().map(|url| resolve(url)).collect(),
            Self::Running(urls) => urls.iter().map(|url| resolve(url)).collect(),
        }
    }

    /// The cluster of this run.
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Private(cluster) => Some(cluster),
            Self::Running(_) | Self::Bare { .. } => None,
        }
    }

    /// The role of the processes that hold the sockets.
    pub const fn front(&self) -> Role {
        match self {
            Self::Bare { .. } => Role::Limit,
            Self::Private(_) | Self::Running(_) => Role::Gateway,
        }
    }

    /// Whether messages are acknowledged.
    pub const fn acknowledges(&self) -> bool {
        !matches!(self, Self::Bare { .. })
    }

    /// Lets the sampler watch the processes of this run. Those of somebody's cluster are elsewhere.
    pub fn watch(&self, sampler: &mut Sampler) {
        match self {
            Self::Running(_) => {}
            Self::Bare { pid, .. } => sampler.watch(Role::Limit, "limit", *pid),
            Self::Private(cluster) => {
                let nodes = [
                    (Role::Postgres, &cluster.postgres),
                    (Role::Redis, &cluster.redis),
                ]
                .into_iter()
                .chain(cluster.workers.iter().map(|node| (Role::Worker, node)))
                .chain(cluster.gateways.iter().map(|node| (Role::Gateway, node)));
                for (role, node) in nodes {
                    if let Some(pid) = node.pid() {
                        sampler.watch(role, node.name(), pid);
                    }
                }
            }
        }
    }

    /// The codes of so many servers, made by a guest who owns them all.
    pub async fn servers(&self, count: usize, invite: Option<&str>) -> Result<Vec<String>> {
        if let Some(code) = invite {
            if count > 1 {
                bail!("an invite opens one server, and {count} are needed");
            }
            return Ok(vec![code.to_owned()]);
        }
        let urls = match self {
            Self::Bare { .. } => return Ok(Vec::new()),
            Self::Running(urls) => urls.clone(),
            Self::Private(cluster) => cluster.addresses(),
        };
        let client = Client::connect(urls, client::Options::default());
        let guest = join_as_guest();
        let owner = client.call(0, &guest).await;
        let owner = owner.map_err(|error| anyhow!("no guest can be made: {error}"))?;
        client.identify(&owner.token).await?;
        let mut codes = Vec::with_capacity(count);
        while codes.len() < count {
            let batch = (codes.len()..count).take(AT_ONCE);
            codes.extend(try_join_all(batch.map(|number| server(&client, number))).await?);
        }
        client.close().await;
        Ok(codes)
    }
}

async fn server(client: &Client, number: usize) -> Result<String> {
    let create = create_server(&format!("Load {number}"));
    let created = client.call(0, &create).await;
    let created = created.map_err(|error| anyhow!("no server can be made: {error}"))?;
    let invite = create_invite();
    let scope = created.server.server_id.get();
    let invite = client.call(scope, &invite).await;
    Ok(invite
        .map_err(|error| anyhow!("no invite can be made: {error}"))?
        .code)
}

/// A cluster whose limits are out of the way.
fn settings(options: &Options, environment: &[(&'static str, String)]) -> Settings {
    let many = || "1000000".to_owned();
    let mut settings = Settings {
        gateways: options.gateways,
        workers: options.workers,
        disk: Disk::Durable,
        environment: vec![
            ("CONFAB_MAX_CONNECTIONS", many()),
            ("CONFAB_MAX_ADDRESS_CONNECTIONS", many()),
            ("CONFAB_FLOOD_FRAMES", many()),
            ("CONFAB_FLOOD_BYTES", "1000000000".to_owned()),
            ("CONFAB_MAX_PENDING", many()),
            ("CONFAB_IDENTIFY_MS", "60000".to_owned()),
        ],
        ..Settings::default()
    };
    settings.environment.extend_from_slice(environment);
    settings
}

/// The address in `ws://host:port`.
fn resolve(url: &str) -> Result<SocketAddr> {
    let host = url
        .strip_prefix("ws://")
        .with_context(|| format!("{url} does not begin with ws://"))?;
    let host = host.split('/').next().unwrap_or_default();
    host.to_socket_addrs()
        .with_context(|| format!("looking up {host}"))?
        .next()
        .with_context(|| format!("{host} has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_from_a_url() {
        assert_eq!(
            resolve("ws://127.0.0.1:8080/ws").unwrap(),
            "127.0.0.1:8080".parse().unwrap()
        );
        assert!(resolve("http://127.0.0.1:8080").is_err());
        assert!(resolve("ws://127.0.0.1").is_err());
    }
}
