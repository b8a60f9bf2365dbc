//! Load and faults against a running cluster, and the proof that it kept its promises.
//!
//! # Layout
//!
//! - [`mod@client`] survives its gateways, [`requests`] are what it asks;
//! - [`websocket`] has the frames of loops that are too busy for it;
//! - [`transport`] makes one of the three transports, and [`http`] is what the third needs;
//! - [`cluster`] is a private cluster, [`proxy`] and [`resp`] the network as it is;
//! - [`fixture`] and [`workload`] make load, [`history`] keeps it, [`checker`] decides;
//! - [`verify`] tries each promise under its faults;
//! - [`demo`] shows it, [`transcript`] is what one person saw;
//! - [`harness`] is where the tests of the whole cluster play;
//! - [`limit`] is what the machine could do at most;
//! - [`load`] puts load on a cluster, by scenarios;
//! - [`measure`] keeps what a run measured, and tells it;
//! - `proc` looks at processes, [`random`] has the seeds, [`environment`] the settings of tests.

pub mod checker;
pub mod client;
pub mod cluster;
pub mod demo;
pub mod environment;
pub mod fixture;
pub mod harness;
pub mod history;
pub mod http;
pub mod limit;
pub mod load;
pub mod measure;
mod proc;
pub mod proxy;
pub mod random;
pub mod requests;
pub mod resp;
pub mod transcript;
pub mod transport;
pub mod verify;
pub mod websocket;
pub mod workload;
