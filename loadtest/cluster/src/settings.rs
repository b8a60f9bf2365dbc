//! What a private cluster consists of.

use std::path::PathBuf;

use crate::node::Node;

/// What the Postgres and the Redis of a cluster write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// The disk that is there, without waiting for it: tests kill processes, not
    /// machines, and what a killed process wrote the kernel still has.
    Lax,
    /// The disk that is there, waited for as in production.
    Durable,
    /// File systems in memory of so many megabytes each, which takes root.
    Small(u32),
    /// The disk that is there, and stays: what `make up` runs on.
    Kept,
}

/// What a COMMIT waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standby {
    /// The standby has it on its disk.
    Synchronous,
    /// Nothing: the standby hears of it later.
    Asynchronous,
}

/// What guards the stores of a cluster against their loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    /// Nothing: one Postgres and one Redis.
    Alone,
    /// Redis has a replica and three Sentinels, on hosts of their own.
    Sentinels,
    /// Postgres has a standby, on hosts of their own.
    Standby(Standby),
    /// Postgres is backed up.
    BackedUp,
}

/// How a cluster is to be.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many gateways.
    pub gateways: usize,
    /// How many workers.
    pub workers: usize,
    /// `open`, `invite` or `closed`.
    pub signup: &'static str,
    /// Rate limits by the names of their variables; those not named are off, and
    /// the word "usual" leaves one as it is.
    pub limits: Vec<(&'static str, &'static str)>,
    /// Whether a proxy stands between each gateway and worker and Redis, and
    /// between each worker and Postgres.
    pub proxies: bool,
    /// Whether there is another Redis, empty, that nobody uses yet.
    pub spare_redis: bool,
    /// Whether Redis writes what it has to a file.
    pub redis_keeps: bool,
    /// What Postgres and Redis write to.
    pub disk: Disk,
    /// More variables for the gateways and workers.
    pub environment: Vec<(&'static str, String)>,
    /// The HAProxy that stands before the two gateways, if one does: then they listen on loopback,
    /// and believe what it says of clients.
    pub haproxy: Option<PathBuf>,
    /// The address that gateways listen on, or what stands before them.
    pub host: String,
    /// A database to use instead of a private one.
    pub database_url: Option<String>,
    /// A Redis to use instead of a private one.
    pub redis_url: Option<String>,
    /// What Postgres and Redis have besides.
    pub stores: Stores,
    /// More variables for one of them, by its name.
    pub apart: Vec<(&'static str, &'static str, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            gateways: 2,
            workers: 2,
            signup: "open",
            limits: Vec::new(),
            proxies: false,
            spare_redis: false,
            disk: Disk::Lax,
            environment: Vec::new(),
            apart: Vec::new(),
            redis_keeps: false,
            haproxy: None,
            host: "127.0.0.1".to_owned(),
            database_url: None,
            redis_url: None,
            stores: Stores::Alone,
        }
    }
}

/// The secret of a private cluster.
pub const KEY: &str = "the secret of a cluster that nobody else reaches";
/// The variables of what a gateway lets an account or an address ask, and of how many
/// there may be of what a test makes many of.
const RATES: [&str; 6] = [
    "CONFAB_MAX_SERVERS",
    "CONFAB_MAX_GUESTS",
    "CONFAB_ACCOUNT_RATE",
    "CONFAB_OPENING_RATE",
    "CONFAB_ADDRESS_RATE",
    "CONFAB_STRANGER_RATE",
];
/// The variables of the rate limits.
const LIMITS: [&str; 7] = [
    "CONFAB_LIMIT_SEND",
    "CONFAB_LIMIT_WRITE",
    "CONFAB_LIMIT_SIGNAL",
    "CONFAB_LIMIT_REGISTER",
    "CONFAB_LIMIT_READ",
    "CONFAB_LIMIT_SEARCH",
    "CONFAB_LIMIT_SIGN_IN",
];

impl Settings {
    /// Nothing but a Postgres.
    pub fn postgres_alone() -> Self {
        Self {
            gateways: 0,
            workers: 0,
            redis_url: Some("none".to_owned()),
            ..Self::default()
        }
    }

    /// Nothing but a Redis.
    pub fn redis_alone() -> Self {
        Self {
            gateways: 0,
            workers: 0,
            database_url: Some("none".to_owned()),
            ..Self::default()
        }
    }

    pub(crate) fn apply(&self, node: &mut Node) {
        // No load balancer has to notice anything.
        node.set("CONFAB_LAME_DUCK_MS", "0");
        if self.disk != Disk::Kept {
            self.open(node);
        }
        for (name, value) in &self.environment {
            node.set(name, value);
        }
        let name = node.name().to_owned();
        for (_, variable, value) in self.apart.iter().filter(|(node, ..)| *node == name) {
            node.set(variable, value);
        }
    }

    /// A cluster that is thrown away takes all that a test can ask.
    fn open(&self, node: &mut Node) {
        node.set("CONFAB_SIGNUP", self.signup)
            .set("CONFAB_GUESTS", "true")
            .set("CONFAB_CLUSTER_KEY", KEY)
            // A panic shows its way; an error says what was tried, and its way would fill the log.
            .set("RUST_BACKTRACE", "1")
            .set("RUST_LIB_BACKTRACE", "0");
        let rates = RATES.map(|name| (name, "1000000"));
        for (name, most) in rates.into_iter().chain(LIMITS.map(|name| (name, "off"))) {
            let named = self.limits.iter().find(|(known, _)| *known == name);
            let value = named.map_or(most, |(_, value)| value);
            if value != "usual" {
                node.set(name, value);
            }
        }
    }
}
