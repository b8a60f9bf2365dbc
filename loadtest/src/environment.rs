//! The environment, for what is configured by it: where programs are, and the seed.

use std::ffi::OsString;

/// A variable of the environment, if it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment: tests have no command line"
)]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
