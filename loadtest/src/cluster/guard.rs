//! Ends what a test left behind.
//!
//! Statics are never dropped, and a killed process drops nothing at all. So a
//! shell waits for the end of a pipe that only this process holds, then ends
//! the processes named in a file and removes the directory.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};

const SCRIPT: &str = r#"cat > /dev/null
for pid in $(cat "$1/pids" 2> /dev/null); do kill -CONT "$pid"; kill -KILL "$pid"; done 2> /dev/null
sleep 0.2
for disk in "$1/postgres" "$1/redis"; do umount -l "$disk"; done 2> /dev/null
rm -rf "$1""#;

/// Knows the processes of one cluster. Clones know the same.
#[derive(Debug, Clone)]
pub(super) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    pids: Mutex<BTreeSet<u32>>,
    shell: Mutex<Child>,
}

impl Guard {
    pub(super) fn start(dir: &Path) -> Result<Self> {
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
        Ok(Self(Arc::new(Inner {
            file: dir.join("pids"),
            pids: Mutex::default(),
            shell: Mutex::new(shell),
        })))
    }

    pub(super) fn add(&self, pid: u32) {
        self.change(|pids| pids.insert(pid));
    }

    pub(super) fn remove(&self, pid: u32) {
        self.change(|pids| pids.remove(&pid));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<u32>) -> bool) {
        let mut pids = self.0.pids.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut pids);
        let list: Vec<String> = pids.iter().map(u32::to_string).collect();
        // The worst that follows is a process left behind after a crash.
        drop(fs::write(&self.0.file, list.join("\n")));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(shell.stdin.take());
        // It has nothing to report: what it could not remove it leaves.
        drop(shell.wait());
    }
}
