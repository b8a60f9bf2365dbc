//! The gateway as its clients and workers see it: real sockets, a bus in memory,
//! fake workers.

mod drain;
mod fanout;
mod http;
mod resume;
mod session;
mod slow;
mod support;
mod views;
