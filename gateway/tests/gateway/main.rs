//! The gateway as its clients and workers see it: real sockets, a bus in memory,
//! fake workers.

#[cfg(test)]
mod drain;
#[cfg(test)]
mod fanout;
#[cfg(test)]
mod http;
#[cfg(test)]
mod page;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod session;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transport;
