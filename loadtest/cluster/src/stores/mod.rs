//! Stores in several copies, each on a host of its own, of which one leads.
//!
//! - [`network`] makes hosts that die, stand still and are cut off;
//! - `sentinel` is Redis with its Sentinels, `patroni` Postgres with Patroni behind HAProxy.

pub mod network;
mod patroni;
mod sentinel;

use std::fmt;

use anyhow::{Context, Result};

pub use self::network::{Host, OWN_NETWORK, needs_network};
use crate::{node::Node, place::Place, settings::Standby};

/// Which store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Redis,
    Postgres(Standby),
}

/// A store in several copies.
#[derive(Debug)]
pub struct Replicated {
    kind: Kind,
    /// The hosts of the copies.
    pub hosts: Vec<Host>,
    /// What it needs besides, on no host.
    beside: Vec<Node>,
    url: String,
}

impl Replicated {
    /// Starts a Redis with a replica and three Sentinels.
    pub(crate) async fn redis(place: &Place) -> Result<Self> {
        let (hosts, url) = sentinel::start(place).await?;
        Ok(Self {
            kind: Kind::Redis,
            hosts,
            beside: Vec::new(),
            url,
        })
    }

    /// Starts a Postgres with a standby.
    pub(crate) async fn postgres(place: &Place, standby: Standby) -> Result<Self> {
        let (hosts, beside, url) = patroni::start(place, standby).await?;
        Ok(Self {
            kind: Kind::Postgres(standby),
            hosts,
            beside,
            url,
        })
    }

    /// Where programs find their Redis, whoever leads, if this is one.
    pub(crate) fn redis_url(&self) -> Option<&str> {
        matches!(self.kind, Kind::Redis).then_some(&self.url)
    }

    /// Where programs find their database, whoever leads, if this is one.
    pub(crate) fn database_url(&self) -> Option<&str> {
        matches!(self.kind, Kind::Postgres(_)).then_some(&self.url)
    }

    /// The host that leads, by what they agree on.
    pub async fn leader(&self) -> Result<&Host> {
        let leads = match self.kind {
            Kind::Redis => sentinel::leader(&self.hosts).await?,
            Kind::Postgres(_) => patroni::leader(&self.hosts).await?,
        };
        leads.context("nobody leads")
    }

    /// Whether somebody leads and every other copy follows.
    pub async fn is_whole(&self) -> bool {
        match self.kind {
            Kind::Redis => sentinel::is_whole(&self.hosts).await,
            Kind::Postgres(standby) => patroni::is_whole(&self.hosts, standby).await,
        }
    }

    /// Lets another copy lead, as for maintenance.
    pub async fn switch_over(&self) -> Result<()> {
        match self.kind {
            Kind::Redis => sentinel::switch_over(&self.hosts).await,
            Kind::Postgres(_) => patroni::switch_over(&self.hosts).await,
        }
    }

    /// The orders that it takes from whoever says no password, which shall be none.
    pub async fn orders_of_strangers(&self) -> Result<Vec<String>> {
        match self.kind {
            Kind::Redis => sentinel::orders_of_strangers(&self.hosts).await,
            Kind::Postgres(_) => patroni::orders_of_strangers(&self.hosts, &self.beside).await,
        }
    }

    /// Its processes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        let services = self.hosts.iter().flat_map(|host| &host.services);
        services.chain(&self.beside)
    }
}

impl fmt::Display for Replicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Redis => "Redis",
            Kind::Postgres(_) => "Postgres",
        })
    }
}
