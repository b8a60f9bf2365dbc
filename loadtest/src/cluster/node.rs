//! One process of a cluster.

use std::{
    fs::{self, OpenOptions},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use super::{guard::Guard, places::free_port};
use crate::proc;

/// Lines of a log that a report shows.
const TAIL_LINES: usize = 25;

/// What a process can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End now.
    Kill,
    /// Finish, then end.
    Term,
    /// Freeze.
    Stop,
    /// Go on.
    Continue,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "-KILL",
            Self::Term => "-TERM",
            Self::Stop => "-STOP",
            Self::Continue => "-CONT",
        }
    }
}

/// A process that can be killed, frozen and started again as it was.
#[derive(Debug)]
pub struct Node {
    name: String,
    program: Mutex<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    owner: Option<(u32, u32)>,
    dir: PathBuf,
    port: u16,
    ops_port: u16,
    child: Mutex<Option<Child>>,
    guard: Option<Guard>,
}

impl Node {
    pub(super) fn new(name: &str, program: &Path, dir: &Path) -> Result<Self> {
        let port = free_port()?;
        let ops_port = free_port()?;
        let mut node = Self {
            name: name.to_owned(),
            program: Mutex::new(program.to_owned()),
            arguments: Vec::new(),
            environment: Vec::new(),
            owner: None,
            dir: dir.to_owned(),
            port,
            ops_port,
            child: Mutex::new(None),
            guard: None,
        };
        node.set("CONFAB_NODE", name)
            .set("CONFAB_LISTEN", &format!("127.0.0.1:{port}"))
            .set("CONFAB_OPS_LISTEN", &format!("127.0.0.1:{ops_port}"))
            .set("RUST_BACKTRACE", "1");
        Ok(node)
    }

    pub(super) fn argument(&mut self, argument: &str) -> &mut Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) const fn owned_by(&mut self, owner: Option<(u32, u32)>) -> &mut Self {
        self.owner = owner;
        self
    }

    pub(super) fn start(&mut self, guard: &Guard) -> Result<()> {
        self.guard = Some(guard.clone());
        self.restart()
    }

    /// Starts the process again; what is left of an earlier one is killed.
    pub fn restart(&self) -> Result<()> {
        self.kill()?;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())?;
        let program = self.program().clone();
        let mut command = Command::new(&program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        if let Some(guard) = &self.guard {
            guard.add(child.id());
        }
        *self.child() = Some(child);
        Ok(())
    }

    /// Ends the process at once (SIGKILL) and waits until it is gone.
    pub fn kill(&self) -> Result<()> {
        let Some(mut child) = self.child().take() else {
            return Ok(());
        };
        child.kill()?;
        child.wait()?;
        self.gone(child.id());
        Ok(())
    }

    /// Sends a signal. After `Kill` use [`Self::kill`], which also waits.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let Some(pid) = self.pid() else {
            bail!("{} does not run", self.name);
        };
        send(signal, pid)
    }

    /// Freezes or continues the process with all its children, which for
    /// Postgres do the work.
    pub fn signal_all(&self, signal: Signal) -> Result<()> {
        let Some(pid) = self.pid() else {
            bail!("{} does not run", self.name);
        };
        send(signal, pid)?;
        for child in proc::child_ids(pid) {
            // A child may have ended in between.
            drop(send(signal, child));
        }
        Ok(())
    }

    /// Waits until the process ended by itself.
    pub async fn ended(&self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(child) = self.child().as_mut()
                && let Some(status) = child.try_wait()?
            {
                self.gone(child.id());
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} does not end\n{}", self.name, self.tail());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether the process runs.
    pub fn runs(&self) -> bool {
        self.child()
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.runs()
            .then(|| self.child().as_ref().map(Child::id))
            .flatten()
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> Option<u64> {
        Some(proc::memory(self.pid()?)?.resident / 1_024)
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> Option<usize> {
        proc::descriptors(self.pid()?)
    }

    /// Kills the process with all its children, so that nothing goes on after it.
    pub fn kill_all(&self) -> Result<()> {
        let children = self.pid().map(proc::child_ids).unwrap_or_default();
        self.kill()?;
        for child in children {
            // It may have ended with its parent.
            drop(send(Signal::Kill, child));
        }
        Ok(())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where it answers `/readyz` and `/metrics`.
    pub const fn ops_port(&self) -> u16 {
        self.ops_port
    }

    /// Its WebSocket address, if it is a gateway.
    pub fn address(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let skip = lines.len().saturating_sub(TAIL_LINES);
        let tail: Vec<&str> = lines.into_iter().skip(skip).collect();
        format!("--- {}\n  {}\n", self.name, tail.join("\n  "))
    }

    fn log(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.name))
    }

    fn gone(&self, pid: u32) {
        if let Some(guard) = &self.guard {
            guard.remove(pid);
        }
    }

    /// From its next start on it is the program of the same name in this folder.
    pub fn moves_to(&self, dir: &Path) {
        let mut program = self.program();
        if let Some(name) = program.file_name().map(ToOwned::to_owned) {
            *program = dir.join(name);
        }
    }

    fn program(&self) -> MutexGuard<'_, PathBuf> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The guard ends what cannot be ended here.
        drop(self.kill());
    }
}

fn send(signal: Signal, pid: u32) -> Result<()> {
    let status = Command::new("kill")
        .args([signal.name(), &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .context("running kill")?;
    if !status.success() {
        bail!("process {pid} cannot be signalled");
    }
    Ok(())
}
