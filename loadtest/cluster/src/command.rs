//! Commands of others that end by themselves.

use std::process::{Output, Stdio};

use anyhow::{Context, Result, bail};
use tokio::{io::AsyncWriteExt, process::Command};

/// Runs a command to its end, out of reach of the terminal's interrupts. It does not outlive
/// whoever waits for it.
pub(crate) async fn run(command: std::process::Command, input: &str) -> Result<()> {
    let name = command.get_program().display().to_string();
    let Output {
        status,
        stdout,
        stderr,
    } = output(command, input)
        .await
        .with_context(|| format!("running {name}"))?;
    if !status.success() {
        bail!(
            "{name} failed:\n{}{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        );
    }
    Ok(())
}

async fn output(command: std::process::Command, input: &str) -> std::io::Result<Output> {
    let mut child = Command::from(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    child.wait_with_output().await
}
