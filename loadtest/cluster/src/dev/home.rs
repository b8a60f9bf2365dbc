//! `.confab`, where the cluster keeps its data, logs and ports, and what says that it runs.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use cluster::{place::Place, ports::Ports, records::Records, user::User};
use sha2::{Digest, Sha256};

use super::{GATEWAYS, WORKERS};

/// The cluster of a checkout.
pub(crate) struct Home {
    /// `.confab`.
    pub(crate) state: PathBuf,
    pub(crate) place: Place,
}

impl Home {
    pub(crate) fn open() -> Result<Self> {
        let checkout = std::env::current_dir()?;
        let state = checkout.join(".confab");
        let logs = state.join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        Ok(Self {
            place: Place {
                data: data_folder(&checkout, &state)?,
                logs,
                records: Records::open(state.join("run"))?,
                ports: Ports::Remembered(state.join("ports")),
                kept: true,
            },
            state,
        })
    }

    /// A file that is there while the cluster runs.
    pub(crate) fn running(&self, name: &str) -> PathBuf {
        self.state.join("run").join(name)
    }

    /// Whether the cluster came up and was not stopped since.
    pub(crate) fn is_ready(&self) -> bool {
        self.running("ready").exists()
    }

    /// Where the running cluster is, as a shell reads it.
    pub(crate) fn variables(&self) -> Result<Vec<u8>> {
        if self.place.records.pid("up").is_none() || !self.is_ready() {
            bail!("no cluster is running here: start one with `make up`");
        }
        let path = self.running("env");
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// Forgets what said that it runs.
    pub(crate) fn forget(&self) {
        for name in ["ready", "env", "addresses"] {
            // What is not there is forgotten already.
            drop(fs::remove_file(self.running(name)));
        }
    }

    /// Whether any process of the cluster runs.
    pub(crate) fn anything_runs(&self) -> bool {
        let services = ["haproxy", "redis", "postgres"];
        let mut names = GATEWAYS.into_iter().chain(WORKERS).chain(services);
        names.any(|name| self.place.records.pid(name).is_some())
    }
}

/// Where the data of the servers are. A server that does not run as us must be able to walk
/// there, which it is not for a checkout under a closed home such as /root.
fn data_folder(checkout: &Path, state: &Path) -> Result<PathBuf> {
    if User::of_server("postgres")?.is_none_or(|user| user.reaches(state)) {
        return Ok(state.to_owned());
    }
    let hash = Sha256::digest(checkout.as_os_str().as_encoded_bytes());
    let hash: Vec<String> = hash
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let hash = hash.concat();
    let folder = PathBuf::from(format!("/var/tmp/confab-{hash}"));
    if !folder.exists() {
        DirBuilder::new().mode(0o755).create(&folder)?;
    }
    // Anybody may make folders there: it has to be root's.
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != 0 {
        bail!("{} belongs to somebody else: remove it", folder.display());
    }
    Ok(folder)
}
