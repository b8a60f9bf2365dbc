//! How many files this process may have open: each socket takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the machine allows, and answers with the one that holds then: what a
/// process begins with may be 1024.
pub fn raise_open_files() -> u64 {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum;
    // A sandbox may refuse even this: then the old one holds.
    let _refused = setrlimit(Resource::Nofile, Rlimit { current, maximum });
    // None is unlimited.
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
