//! Load and faults against a running cluster, and the proof that it kept its promises.
//!
//! # Layout
//!
//! - [`mod@client`] survives its gateways, [`requests`] are what it asks;
//! - [`websocket`] has the frames of loops that are too busy for it, [`socket`] their sockets;
//! - [`transport`] makes one of the three transports;
//! - [`mod@cluster`], a package of its own, is a private cluster;
//! - `away` is a server of people who are away;
//! - [`fixture`] and [`workload`] make load, [`history`] keeps it, [`checker`] decides;
//! - [`verify`] tries each promise under its faults;
//! - [`harness`] is where the tests of the whole cluster play, and [`demo`], which shows it;
//! - [`smoke`] tries a cluster that runs somewhere, in seconds;
//! - [`limit`] is what the machine could do at most;
//! - [`load`] puts load on a cluster, by scenarios;
//! - [`measure`] keeps what a run measured, and tells it;
//! - [`plan`] says from it how large a deployment has to be;
//! - [`push_service`] takes pushes, as the services of browsers do;
//! - [`random`] has the seeds.

mod away;
pub mod checker;
pub mod client;
pub mod demo;
pub mod fixture;
pub mod harness;
pub mod history;
pub mod limit;
pub mod load;
pub mod measure;
pub mod plan;
pub mod push_service;
pub mod random;
pub mod requests;
pub mod smoke;
pub mod socket;
pub mod transport;
pub mod verify;
pub mod websocket;
pub mod workload;

pub use cluster::{self, http, proxy};
use cluster::{environment, proc};
