//! Where the processes of a cluster work, log and are recorded.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use anyhow::{Context, Result};

use crate::{
    environment::{entropy, say},
    ports::Ports,
    records::Records,
};

/// Folders and ports.
#[derive(Debug, Clone)]
pub struct Place {
    /// What they work in.
    pub data: PathBuf,
    /// A log for each.
    pub logs: PathBuf,
    /// Which of them run.
    pub records: Records,
    /// Where they listen.
    pub ports: Ports,
    /// Whether data and processes outlive whoever started them.
    pub kept: bool,
}

impl Place {
    /// A directory of its own, for one run.
    pub(crate) fn temporary() -> Result<Self> {
        let data = std::env::temp_dir().join(format!("confab-{:012x}", entropy() >> 16));
        fs::create_dir(&data).with_context(|| format!("creating {}", data.display()))?;
        // The users of the servers must reach their folders.
        fs::set_permissions(&data, fs::Permissions::from_mode(0o755))?;
        Ok(Self {
            logs: data.clone(),
            records: Records::open(data.join("run"))?,
            data,
            ports: Ports::random(),
            kept: false,
        })
    }

    /// Tells how far the start is, where a person waits for it.
    pub(crate) fn tell(&self, progress: &str) {
        if self.kept {
            say(progress);
        }
    }
}
