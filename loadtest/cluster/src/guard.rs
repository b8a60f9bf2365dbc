//! Ends what a test left behind.
//!
//! Statics are never dropped, and a killed process drops nothing at all. So a
//! shell waits for the end of a pipe that only this process holds, then ends
//! the processes that are recorded and removes the directory. Of a Postgres that was killed
//! a few bytes of System V shared memory are left, by which the next one of the same data
//! would know that it still runs; its lock file names them in line 7.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

const SCRIPT: &str = r#"cat > /dev/null
for pid in $(cut -d' ' -f1 "$1"/run/*); do kill -CONT "$pid"; kill -KILL "$pid"; done 2> /dev/null
sleep 0.2
for lock in "$1"/*/data/postmaster.pid; do
    kill -KILL "$(head -n 1 "$lock")"
    ipcrm -m "$(awk 'NR == 7 { print $2 }' "$lock")"
done 2> /dev/null
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

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{cluster::Cluster, settings::Settings};

    #[tokio::test]
    async fn a_postgres_that_was_killed_leaves_no_shared_memory() {
        let cluster = Cluster::start(Settings::postgres_alone()).await.unwrap();
        let pid = cluster.postgres.pid().unwrap();
        let mapped = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        assert!(!mapped.contains("/dev/shm/"), "{mapped}");
        let lock = cluster.dir().join("postgres/data/postmaster.pid");
        let lock = fs::read_to_string(lock).unwrap();
        let segment = lock
            .lines()
            .nth(6)
            .and_then(|line| line.split_whitespace().nth(1));
        let segment = segment.unwrap();
        let is_there = || {
            let all = fs::read_to_string("/proc/sysvipc/shm").unwrap();
            all.lines()
                .any(|line| line.split_whitespace().nth(1) == Some(segment))
        };
        assert!(is_there());
        cluster.postgres.kill_all().unwrap();
        drop(cluster);
        assert!(!is_there());
    }
}
