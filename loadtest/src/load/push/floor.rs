//! What a push costs at least: a bare loop of the worker's own code, which encrypts and signs and does nothing else.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cluster::programs::our_program;

/// Microseconds of CPU for a push, as `worker push bench` prints them.
#[derive(Debug, Deserialize)]
pub(super) struct Floor {
    encrypted: f64,
    signed: f64,
}

impl Floor {
    /// Runs the loop, with pushes of this size, on the machine of the run.
    pub(super) async fn measure(bytes: u64) -> Result<Self> {
        let worker = our_program("worker")?;
        let bytes = bytes.to_string();
        let run = move || {
            Command::new(worker)
                .args(["push", "bench", "--bytes", &bytes])
                .output()
        };
        let done = tokio::task::spawn_blocking(run).await?;
        let done = done.context("running `worker push bench`")?;
        ensure!(done.status.success(), "`worker push bench` failed");
        serde_json::from_slice(&done.stdout).context("what `worker push bench` printed")
    }

    /// What the loop takes for a push, with its name: with a token that is kept, as workers do it; with one for each push.
    pub(super) fn costs(&self) -> [(f64, &'static str); 2] {
        [
            (self.encrypted, "a loop that encrypts"),
            (
                self.encrypted + self.signed,
                "a loop that encrypts and signs each",
            ),
        ]
    }
}
