//! What the load is put on: a private cluster, somebody's cluster, or a bare server.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{options::Options, payload::bare_channel};
use crate::{
    client::{self, Client},
    cluster::{Cluster, Disk, Settings},
    measure::{Role, Sampler},
    requests::{create_invite, create_server, join_as_guest, redeem_invite},
};

/// Servers that are made at once: they all have one owner.
const SERVERS_AT_ONCE: usize = 32;
/// Members that are made at once.
const MEMBERS_AT_ONCE: usize = 128;

/// An account that was made for the run.
#[derive(Debug, Clone)]
pub struct Account {
    /// What opens its sessions.
    pub token: String,
    /// What it reads; it posts in the first.
    pub channels: Vec<Channel>,
}

/// A channel that an account reads.
#[derive(Debug, Clone, Copy)]
pub struct Channel {
    /// The server that it is in.
    pub server: u64,
    /// The channel.
    pub channel: u64,
    /// Its last message when the account came.
    pub last_seq: u64,
}

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

    /// Whether messages are acknowledged.
    pub const fn acknowledges(&self) -> bool {
        !matches!(self, Self::Bare { .. })
    }

    /// Lets the sampler watch the processes of this run. Those of somebody's cluster are elsewhere.
    pub fn watch(&self, sampler: &mut Sampler) {
        match self {
            Self::Running(_) => {}
            Self::Bare { pid, .. } => sampler.watch(Role::Limit, *pid),
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
                        sampler.watch(role, pid);
                    }
                }
            }
        }
    }

    /// Makes so many servers, owned by one guest; the codes that open them.
    pub async fn create_servers(&self, count: usize, invite: Option<&str>) -> Result<Vec<String>> {
        if let Some(code) = invite {
            ensure!(
                count <= 1,
                "an invite opens one server, and {count} are needed"
            );
            return Ok(vec![code.to_owned()]);
        }
        if let Self::Bare { .. } = self {
            return Ok(Vec::new());
        }
        let (client, _token) = self.join_as_guest().await?;
        let servers = stream::iter(0..count).map(|number| create_one(&client, number));
        let codes = servers.buffered(SERVERS_AT_ONCE).try_collect().await;
        client.close().await;
        codes
    }

    /// Makes guests, one for each list of codes, who join what these open. On a server without
    /// accounts each of the publishers is a channel, and everybody reads them all.
    pub async fn create_members(
        &self,
        codes: Vec<Vec<String>>,
        publishers: usize,
    ) -> Result<Vec<Account>> {
        if let Self::Bare { .. } = self {
            let publishers = 0..u32::try_from(publishers)?;
            let channels = publishers.map(|publisher| Channel {
                server: 0,
                channel: bare_channel(publisher),
                last_seq: 0,
            });
            let account = Account {
                token: String::new(),
                channels: channels.collect(),
            };
            return Ok(vec![account; codes.len()]);
        }
        let members = stream::iter(codes).map(|codes| self.create_member(codes));
        members.buffered(MEMBERS_AT_ONCE).try_collect().await
    }

    async fn create_member(&self, codes: Vec<String>) -> Result<Account> {
        let (client, token) = self.join_as_guest().await?;
        let mut channels = Vec::new();
        for code in codes {
            let joined = client.call(0, &redeem_invite(&code)).await;
            let joined = joined.context("a server cannot be joined")?;
            let server = joined.server.server_id.get();
            channels.extend(joined.channels.iter().map(|channel| Channel {
                server,
                channel: channel.channel_id.get(),
                last_seq: channel.last_seq,
            }));
        }
        client.close().await;
        Ok(Account { token, channels })
    }

    /// A guest, signed in, and its token.
    async fn join_as_guest(&self) -> Result<(Client, String)> {
        let urls = match self {
            Self::Bare { .. } => Vec::new(),
            Self::Running(urls) => urls.clone(),
            Self::Private(cluster) => cluster.addresses(),
        };
        let client = Client::connect(urls, client::Options::default());
        let guest = client.call(0, &join_as_guest()).await;
        let token = guest.context("no guest can be made")?.token;
        client.identify(&token).await?;
        Ok((client, token))
    }
}

async fn create_one(client: &Client, number: usize) -> Result<String> {
    let create = create_server(&format!("Load {number}"));
    let created = client.call(0, &create).await;
    let created = created.context("no server can be made")?;
    let scope = created.server.server_id.get();
    let invite = client.call(scope, &create_invite()).await;
    Ok(invite.context("no invite can be made")?.code)
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
