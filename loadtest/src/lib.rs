//! Load and faults against a running cluster, and the proof that it kept its promises.
//!
//! # Layout
//!
//! - [`mod@client`] survives its gateways;
//! - [`door`] makes one of the three doors, and [`http`] is what the third needs;
//! - [`cluster`] is a private cluster, [`proxy`] and [`resp`] the network as it is;
//! - [`random`] has the seeds.

pub mod client;
pub mod cluster;
pub mod door;
pub mod http;
pub mod proxy;
pub mod random;
pub mod resp;
