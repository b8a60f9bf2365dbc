//! The gateway: holds the sockets, moves bytes. It knows no rule and no SQL.
//!
//! # Layout
//!
//! One way down: what stands further up may use what stands below it, never the other way.
//!
//! - [`runtime`]: puts the parts together, runs and stops them; [`config`]: how they should be;
//! - [`doors`]: lets clients in, by WebSocket and by HTTP;
//! - [`session`]: what a client of a WebSocket sends, and how it joins the stream of its topics;
//! - [`fanout`]: what the bus says, in order and without holes, and who sees it;
//! - [`presence`]: who is there, and who is told;
//! - [`requests`]: on to the workers, and back with their answers;
//! - [`delivery`]: out to the sockets;
//! - [`connection`], [`transport`], [`dialect`], [`deflate`]: one connection, what carries it, and
//!   how it is written to;
//! - [`limits`]: how many and how much there may be;
//! - [`page`]: what browsers load;
//! - [`bus_probe`], [`metrics`], [`node_lease`]: how it is, and who is told; [`older_workers`]: whom it waits for;
//!   [`relief`]: who goes where there is more room;
//! - [`small_map`]: the map that idle sessions can afford;
//! - `sabotage`: what the feature of that name breaks, for tests of the tests.

pub mod bus_probe;
pub mod config;
pub mod connection;
pub mod deflate;
pub mod delivery;
pub mod dialect;
pub mod doors;
pub mod fanout;
pub mod limits;
pub mod metrics;
pub mod node_lease;
pub mod older_workers;
pub mod page;
pub mod presence;
pub mod relief;
pub mod requests;
pub mod runtime;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod session;
pub mod small_map;
pub mod transport;

pub use runtime::{metrics, run};
