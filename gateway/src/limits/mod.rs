//! How many and how much there may be.
//!
//! - [`connection_limit`]: connections, in all and per network address;
//! - [`memory_budget`]: bytes that wait for slow clients;
//! - [`open_files`]: what of that the files of this process suffice for;
//! - [`token_bucket`]: how fast somebody may ask.

pub mod connection_limit;
pub mod memory_budget;
pub mod open_files;
pub mod token_bucket;
