//! A network of its own for trials that need hosts which can be cut off.
//!
//! This program starts itself again in new namespaces of networks, mounts and processes. Whatever
//! ends it ends all that it started, and the machine is as it was.

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::{Arguments, promise};
use crate::cluster::{OWN_NETWORK, needs_network};

const NAMESPACES: [&str; 5] = ["--net", "--mount", "--pid", "--fork", "--kill-child"];
/// The first process of the namespaces takes signals only where it says so, and adopts orphans.
const FIRST: &str = r#"trap "exit 130" INT TERM HUP; ip link set lo up || exit; "$@" & wait $!"#;

/// Goes on in a network of its own, if one of the promises takes it and this machine lets us. Where
/// it does not, those promises are skipped.
pub fn enter_network(arguments: &Arguments) -> Result<()> {
    let (promises, _) = promise::select(&arguments.promise)?;
    let wanted = promises.into_iter().any(promise::Promise::needs_hosts);
    if !wanted || needs_network().is_none() || !can_enter() {
        return Ok(());
    }
    let this = std::env::current_exe().context("finding the running program")?;
    let mut again = Command::new("unshare");
    again
        .args(NAMESPACES)
        .args(["--mount-proc", "sh", "-c", FIRST, "sh"])
        .arg(this)
        .args(std::env::args_os().skip(1))
        .env(OWN_NETWORK, "1");
    Err(again.exec()).context("starting again in a network of its own")
}

/// Whether this process may, and has what it takes.
fn can_enter() -> bool {
    let mut tried = Command::new("unshare");
    tried.args(NAMESPACES).args(["--mount-proc", "sh", "-c"]);
    tried
        .arg("ip link set lo up && setpriv --version && nsenter --version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    tried.status().is_ok_and(|status| status.success())
}
