//! The bus against a redis-server of its own: its contract and its faults.
//!
//! The binary is `CONFAB_REDIS_SERVER`, else `redis-server` on the path.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod support;
