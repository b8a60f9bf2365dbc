//! How many files this process may have open: each socket takes one.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the machine allows, and answers with it: what a process begins with may
/// be 1024.
pub fn raise_open_files() -> io::Result<u64> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum })?;
    // None is unlimited.
    Ok(maximum.unwrap_or(u64::MAX))
}
