//! What both programs must agree on.
//!
//! # Layout
//!
//! - [`ids`], [`clock`], [`error`], [`close`]: words used everywhere;
//! - [`wire`], [`hex`]: what values look like on the wire, and bytes in text;
//! - [`frame`]: frame headers, the only thing a gateway reads;
//! - `surplus`: what a newer program says and this one does not know;
//! - [`domain`]: rules without I/O: permissions, content, limits;
//! - [`protocol`]: one file per command family: rows, bodies, events;
//! - [`bus`]: Redis seen by us: streams, topics, queries, leases;
//! - [`recent`]: a bounded map of what was used lately;
//! - [`keys`]: what seals secrets and signs tokens;
//! - [`config`], [`telemetry`], [`metrics`](mod@metrics), [`ops`], [`health`], [`critical_tasks`], [`shutdown`]: flags, logs and
//!   traces, what is counted, the operations port, how it is asked, tasks that a program cannot be without, the signals that stop it;
//! - [`tls`]: whose cryptography it is;
//! - `sabotage`: what the feature of that name breaks, for tests of the tests;
//! - [`reference`](mod@reference): the documents that are generated from all of these.

pub mod bus;
pub mod clock;
pub mod close;
pub mod config;
pub mod critical_tasks;
pub mod domain;
pub mod error;
pub mod frame;
pub mod health;
pub mod hex;
pub mod ids;
pub mod keys;
pub mod metrics;
pub mod open_files;
pub mod ops;
pub mod presence;
pub mod protocol;
pub mod recent;
pub mod reference;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod shutdown;
mod surplus;
pub mod telemetry;
pub mod tls;
pub mod wire;
