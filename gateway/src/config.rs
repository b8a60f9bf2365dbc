//! The settings of a gateway. A flag that names no variable has that of its own name:
//! `--stall-ms` is `CONFAB_STALL_MS`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use shared::{
    config::{BusConfig, KeyConfig, NodeConfig, OpsConfig, TelemetryConfig},
    health::HealthConfig,
};

use crate::{
    delivery::{shard::ShardConfig, sockets::SocketConfig, topics::TopicConfig},
    limits::token_bucket::Rate,
    relief::plan::{CALM, ReliefConfig, WINDOW},
    requests::quotas::QuotaConfig,
    session::SessionConfig,
    transport::{
        tls::{Certificate, TlsError},
        trusted_proxies::{Network, PRIVATE_NETWORKS, TrustedProxies},
    },
};

/// Holds the sockets of a Confab cluster. Every flag is also an environment variable.
#[derive(Debug, Clone, Parser)]
#[command(name = "gateway", version)]
pub struct Cli {
    /// How to serve.
    #[command(flatten)]
    pub config: Config,
    /// What to do in place of it.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What a gateway can do besides serving.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Asks the gateway on this machine how it is, and fails unless it is well.
    Health(HealthConfig),
}

/// Everything it needs to serve.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address for clients: the page, /ws and /api.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Origins of web pages that may connect, besides the gateway's own host, such as
    /// <https://chat.example>; separated by commas. Its own host by a name over plain HTTP is one of
    /// these, too: that name may lead here and be somebody else's.
    #[arg(long, value_name = "ORIGINS", value_delimiter = ',')]
    pub origins: Vec<String>,

    /// Whether pages that came over plain HTTP from another machine may sign in, too: for a network
    /// in which nobody listens. From this machine, and over TLS, they always may.
    #[arg(long)]
    pub plain_http: bool,

    /// Which proxies are believed.
    #[command(flatten)]
    pub proxies: ProxyConfig,

    /// A folder with another page than the one that is built in; read once, at the start.
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,

    /// What carries connections.
    #[command(flatten)]
    pub transport: TransportConfig,

    /// What the bounds are.
    #[command(flatten)]
    pub limits: LimitConfig,

    /// The keys of the cluster.
    #[command(flatten)]
    pub keys: KeyConfig,

    /// Where Redis is.
    #[command(flatten)]
    pub bus: BusConfig,

    /// Who this process is.
    #[command(flatten)]
    pub node: NodeConfig,

    /// The operations port.
    #[command(flatten)]
    pub ops: OpsConfig,

    /// Logs and traces.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}

/// Which proxies are believed about who comes, and how.
#[derive(Debug, Clone, Args)]
pub struct ProxyConfig {
    /// How many trusted proxies stand before the gateway: the client's address is at most so many
    /// entries from the end of X-Forwarded-For. 0: the address of the connection.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub trusted_proxies: usize,

    /// Where each of them connects from: addresses and networks, separated by commas. What anybody
    /// else says by X-Forwarded-For and X-Forwarded-Proto does not count, and by the PROXY protocol nobody
    /// else gets in. This machine and private networks unless set.
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',', default_values = PRIVATE_NETWORKS)]
    pub trusted_proxy_addresses: Vec<Network>,
}

impl ProxyConfig {
    /// The proxies.
    pub fn trusted(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies, self.trusted_proxy_addresses.clone())
    }
}

/// What carries the connections of clients.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Transport")]
pub struct TransportConfig {
    /// Certificates of the gateway (PEM, its own first): clients speak TLS to it. Read again
    /// when the file changes. Without one TLS ends at a proxy.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,

    /// The key of the first certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,

    /// Every connection begins with a header of the PROXY protocol (version 1 or 2), which
    /// names the client: for proxies that pass TCP on.
    #[arg(long)]
    pub proxy_protocol: bool,

    /// Whether messages of 256 bytes and more are compressed for clients that ask for it
    /// (permessage-deflate). It costs a few microseconds per event, however many get it.
    #[arg(long, value_name = "YES", default_value_t = true, action = clap::ArgAction::Set)]
    pub compression: bool,
}

impl TransportConfig {
    /// The certificate, if there is to be one.
    pub fn certificate(&self) -> Result<Option<Certificate>, TlsError> {
        let files = self.tls_certificate.as_ref().zip(self.tls_key.as_ref());
        files
            .map(|(chain, key)| Certificate::read(chain, key))
            .transpose()
    }
}

/// The bounds of a gateway.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitConfig {
    /// Connections in all; more are closed with 4009.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub max_connections: usize,

    /// Connections from one network address (a /64 of IPv6); more are closed with 4009.
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub max_address_connections: usize,

    /// Bytes that may wait for a slow connection before it is closed.
    #[arg(long, value_name = "BYTES", default_value_t = 1_048_576)]
    pub queue_bytes: usize,

    /// Bytes that may wait in all for slow connections and in unfinished requests; looked at
    /// four times a second. Beyond them nobody new is let in, and those are closed who are
    /// most behind. What many wait for counts for each of them. A quarter of them is what HTTP
    /// may hold.
    #[arg(long, value_name = "BYTES", default_value_t = 2_147_483_648)]
    pub memory_bytes: usize,

    /// Milliseconds that a connection may take nothing of what waits for it, and that it may
    /// need for a quarter of `queue-bytes` when missed events are replayed to it or an answer
    /// is larger than `queue-bytes`, or for 256 KiB of an HTTP response.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub stall_ms: u64,

    /// Milliseconds between two heartbeats of a client; after 1.1 times that in silence it is
    /// pinged, and after 1.4 times it is closed.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub heartbeat_ms: u64,

    /// Milliseconds that a connection may stay without a session.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub identify_ms: u64,

    /// Milliseconds that a request waits for its answer; entries older than that are not
    /// executed.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub answer_ms: u64,

    /// Milliseconds between the moment in which a gateway that stops fails its readiness and
    /// the one in which it refuses connections: what load balancers need to notice.
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    pub lame_duck_ms: u64,

    /// Milliseconds over which clients are sent away after that.
    #[arg(long, value_name = "MS", default_value_t = 20_000)]
    pub drain_ms: u64,

    /// How far from the mean of all ready gateways, in percent, the connections of one may be, above or
    /// below. Where it is farther, after a gateway was added for example, those above ask their excess
    /// to connect elsewhere, over `drain-ms`, or 20 s where that is shorter. 0: never.
    #[arg(long, value_name = "PERCENT", default_value_t = 25)]
    pub relief_percent: u32,

    /// Fewer connections than this are not far from the mean, whatever their percentage.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub relief_least: u32,

    /// Frames per second that one connection may send in the long run; four times as many
    /// at once.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub flood_frames: u32,

    /// Bytes per second that one connection may send in the long run; four times as many
    /// at once.
    #[arg(long, value_name = "BYTES", default_value_t = 262_144)]
    pub flood_bytes: u32,

    /// Requests per second that one account may send to this gateway in the long run; four
    /// times as many at once. More are refused as rate limited, before they cost anything.
    #[arg(long, value_name = "COUNT", default_value_t = 40)]
    pub account_rate: u32,

    /// Requests per second from one network address, in the same way.
    #[arg(long, value_name = "COUNT", default_value_t = 400)]
    pub address_rate: u32,

    /// Sessions per second that one account may open at this gateway in the long run; thirty
    /// times as many at once: as many as it may have, and some that come twice.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub opening_rate: u32,

    /// Requests per second from one network address without a session, in the same way; as
    /// many, besides, that sign in, with a session or without.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub stranger_rate: u32,

    /// Requests of one connection that may wait for their answers; more are refused as busy.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub max_pending: usize,

    /// Commands that may wait for the lane of a partition; then they are refused as busy.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_backlog: u64,

    /// Milliseconds between two frames that carry a client past events it may not see.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub cursor_ms: u64,
}

/// Servers that one account can be a member of, and more: what a client that
/// resumes may name.
const MAX_TOPICS: usize = 2_000;

impl LimitConfig {
    /// What sessions keep to.
    pub const fn session_config(&self) -> SessionConfig {
        SessionConfig {
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            identify: Duration::from_millis(self.identify_ms),
            frames: rate(self.flood_frames),
            bytes: rate(self.flood_bytes),
            max_topics: MAX_TOPICS,
        }
    }

    /// What is counted for accounts and addresses.
    pub const fn quota_config(&self) -> QuotaConfig {
        QuotaConfig {
            account: rate(self.account_rate),
            opening: Rate {
                per_second: self.opening_rate,
                burst: self.opening_rate.saturating_mul(30),
            },
            address: rate(self.address_rate),
            stranger: rate(self.stranger_rate),
        }
    }

    /// What shards keep to.
    pub const fn shard_config(&self) -> ShardConfig {
        ShardConfig {
            sockets: SocketConfig {
                queue_bytes: self.queue_bytes,
                stall: self.stall(),
                answer: self.answer(),
            },
            topics: TopicConfig {
                cursor: Duration::from_millis(self.cursor_ms),
                buffer_bytes: self.queue_bytes / 2,
            },
        }
    }

    /// When connections are sent elsewhere, if ever.
    pub fn relief_config(&self) -> Option<ReliefConfig> {
        (self.relief_percent > 0).then(|| ReliefConfig {
            percent: self.relief_percent,
            least: self.relief_least,
            calm: (self.lame_duck() + self.drain()).max(CALM),
            window: self.drain().max(WINDOW),
        })
    }

    /// How long a request waits for its answer.
    pub const fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms)
    }

    /// How long readers may take nothing.
    pub const fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }

    /// How long a gateway that is to stop goes on as before.
    pub const fn lame_duck(&self) -> Duration {
        Duration::from_millis(self.lame_duck_ms)
    }

    /// Over how long clients are sent away.
    pub const fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

const fn rate(per_second: u32) -> Rate {
    Rate {
        per_second,
        burst: per_second.saturating_mul(4),
    }
}

#[cfg(test)]
mod tests {
    use shared::config::command;

    use super::*;

    #[test]
    fn every_flag_has_a_variable_and_a_sentence() {
        let command = command::<Cli>();
        command.clone().debug_assert();
        for argument in command.get_arguments() {
            if matches!(argument.get_id().as_str(), "help" | "version") {
                continue;
            }
            assert!(argument.get_env().is_some(), "{argument}");
            assert!(argument.get_help().is_some(), "{argument}");
        }
        assert!(
            Cli::try_parse_from(["gateway"])
                .unwrap()
                .config
                .origins
                .is_empty()
        );
    }
}
