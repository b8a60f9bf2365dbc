//! A cluster on this machine: Postgres, Redis, workers and gateways, each a process of its own.
//!
//! # Layout
//!
//! - [`node`] is one process, [`records`] say which ones run, [`user`] whom they run as;
//! - [`place`] is where they work, [`programs`] finds what is to run, [`ports`] where it listens;
//! - [`services`] are Postgres, Redis and the migration;
//! - [`stores`] are Postgres and Redis in several copies, on hosts that can be cut off;
//! - [`mod@backup`] backs Postgres up and restores it, `dump` does with a file;
//! - `balancer` is what may stand before the gateways;
//! - `cluster` starts all of it, as [`settings`] say, and `guard` ends what a test leaves;
//! - [`proxy`] and [`resp`] are the network as it is;
//! - `command` runs what ends by itself;
//! - [`http`] asks, [`proc`] looks at processes, [`environment`] has what is configured by it.
//!
//! The program (`main`, `dev`) is the cluster of `make up`.

pub mod backup;
mod balancer;
mod cluster;
mod command;
mod database_url;
mod dump;
pub mod environment;
mod guard;
pub mod http;
pub mod node;
pub mod place;
pub mod ports;
pub mod proc;
pub mod programs;
pub mod proxy;
pub mod records;
pub mod resp;
pub mod services;
pub mod settings;
pub mod stores;
pub mod user;

pub use cluster::{Cluster, can_mount, node_metric, redis_tell};
pub use node::{Node, Signal};
pub use services::{node_is_ready, node_ready};
pub use settings::{Disk, Settings, Standby, Stores};
pub use stores::{Host, OWN_NETWORK, Replicated, needs_network};
