//! What carries a connection: TCP, or TLS over it, perhaps behind a proxy that names the client.
//!
//! - [`stream`], [`halves`]: the connection while HTTP is spoken on it, and its two halves once
//!   it is a WebSocket; [`socket`]: what a shard needs of the second one;
//! - [`proxy`], [`tls`]: the header of the PROXY protocol, and the certificate;
//! - [`trusted_proxies`]: whose word counts about whom a connection is for.

pub mod halves;
pub mod proxy;
pub mod socket;
pub mod stream;
pub mod tls;
pub mod trusted_proxies;

pub use halves::{ReadHalf, WriteHalf, split_connection};
pub use stream::{Io, Stream};
