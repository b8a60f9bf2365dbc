//! What is outside: variables, where programs are configured by them, randomness, and a person.

use std::{
    ffi::OsString,
    fmt::Display,
    io::{Write, stderr},
};

/// A variable of the environment, if it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment: tests have no command line"
)]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Tells a person something; one whose terminal is gone misses it.
pub fn say(text: impl Display) {
    drop(writeln!(stderr(), "{text}"));
}

/// A number from the operating system.
pub fn entropy() -> u64 {
    // Without the system's randomness a run is only less random, not wrong:
    // the address of a fresh allocation differs between processes.
    getrandom::u64().unwrap_or_else(|_error| {
        let probe = Box::new(0_u8);
        (&raw const *probe).addr() as u64
    })
}
