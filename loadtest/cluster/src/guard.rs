//! Ends what a test left behind.
//!
//! Statics are never dropped, and a killed process drops nothing at all. So a
//! shell waits for the end of a pipe that only this process holds, then ends
//! the processes that are recorded and removes the directory.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

const SCRIPT: &str = r#"cat > /dev/null
for pid in $(cut -d' ' -f1 "$1"/run/*); do kill -CONT "$pid"; kill -KILL "$pid"; done 2> /dev/null
sleep 0.2
for disk in "$1/postgres" "$1/redis"; do umount -l "$disk"; done 2> /dev/null
rm -rf "$1""#;

/// The shell.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt from the terminal must not end the guard first.
            .process_group(0)
            .spawn()
            .context("starting the guard")?;
        Ok(Self(shell))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It has nothing to report: what it could not remove it leaves.
        drop(self.0.wait());
    }
}
