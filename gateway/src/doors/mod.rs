//! The doors: how clients come in.
//!
//! - [`accept`]: accepts connections and serves HTTP on them;
//! - [`http`]: commands, one per request;
//! - [`handshake`]: makes a WebSocket of a request;
//! - [`client_origin`]: the network address and the web page behind a request.

pub mod accept;
pub mod client_origin;
pub mod handshake;
pub mod http;
