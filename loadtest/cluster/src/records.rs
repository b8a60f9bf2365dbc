//! Which processes a cluster started: a file for each, which holds the process id and its start
//! time, so that an id that is used again is never taken for ours.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::proc;

/// A folder of records.
#[derive(Debug, Clone)]
pub struct Records(PathBuf);

impl Records {
    /// The records in this folder, which is made if need be.
    pub fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Records a process under a name.
    pub fn write(&self, name: &str, pid: u32) -> Result<()> {
        let started = proc::started(pid).unwrap_or_default();
        fs::write(self.0.join(name), format!("{pid} {started}\n"))
            .with_context(|| format!("recording {name}"))
    }

    /// The process under this name, if it still is the one that was recorded.
    pub fn pid(&self, name: &str) -> Option<u32> {
        let record = fs::read_to_string(self.0.join(name)).ok()?;
        let (pid, started) = record.trim().split_once(' ')?;
        let pid = pid.parse().ok()?;
        (proc::started(pid)? == started.parse().ok()?).then_some(pid)
    }

    /// Forgets a process.
    pub fn remove(&self, name: &str) {
        // One that was never recorded is forgotten, too.
        drop(fs::remove_file(self.0.join(name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_used_again_is_not_ours() {
        let name = format!("confab-records-{}", std::process::id());
        let records = Records::open(std::env::temp_dir().join(name)).unwrap();
        let pid = std::process::id();
        records.write("this", pid).unwrap();
        assert_eq!(records.pid("this"), Some(pid));
        fs::write(records.0.join("this"), format!("{pid} 1\n")).unwrap();
        assert_eq!(records.pid("this"), None);
        records.remove("this");
        assert_eq!(records.pid("this"), None);
        fs::remove_dir(&records.0).unwrap();
    }
}
