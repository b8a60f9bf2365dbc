//! The doors: how clients come in.
//!
//! - [`accept`]: accepts connections and serves HTTP on them; [`http`]: its routes;
//! - [`handshake`]: makes a WebSocket of a request;
//! - [`command`]: serves a command over HTTP; [`sign_in`]: the same for pages, which keep the token
//!   in a [`cookie`]; both [`execute`] it alike;
//! - [`response`]: what is answered; [`http_limit`]: how much of that there may be;
//! - [`page`]: serves the page of the web client;
//! - [`client_origin`]: the network address and the web page behind a request;
//! - [`context`]: what all of them share.

pub mod accept;
pub mod client_origin;
pub mod command;
pub mod context;
pub mod cookie;
pub mod execute;
pub mod handshake;
pub mod http;
pub mod http_limit;
pub mod page;
pub mod response;
pub mod sign_in;
