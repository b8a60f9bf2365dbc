//! One process of a cluster.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::time::{Instant, sleep};

use crate::{
    place::Place,
    proc,
    user::{User, run_as, run_within},
};

/// Lines of a log that a report shows.
const TAIL_LINES: usize = 25;

/// A process that can be killed, frozen and started again as it was.
#[derive(Debug)]
pub struct Node {
    name: String,
    program: Mutex<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    user: Option<User>,
    /// Where it runs, unless that is where we are.
    network: Option<PathBuf>,
    place: Place,
    port: u16,
    ops_port: u16,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// A process that does not run yet: its name, its program, and where it listens, last
    /// where it answers `/readyz` and `/metrics`.
    pub fn new(name: &str, program: &Path, place: &Place, (port, ops_port): (u16, u16)) -> Self {
        let mut node = Self {
            name: name.to_owned(),
            program: Mutex::new(program.to_owned()),
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            network: None,
            place: place.clone(),
            port,
            ops_port,
            child: Mutex::new(None),
        };
        node.set("CONFAB_NODE", name)
            .set("CONFAB_LISTEN", &format!("127.0.0.1:{port}"))
            .set("CONFAB_OPS_LISTEN", &format!("127.0.0.1:{ops_port}"));
        node
    }

    /// Adds arguments.
    pub fn arguments<'a>(&mut self, arguments: impl IntoIterator<Item = &'a str>) -> &mut Self {
        let arguments = arguments.into_iter().map(ToOwned::to_owned);
        self.arguments.extend(arguments);
        self
    }

    /// Sets a variable of its environment.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) const fn run_as(&mut self, user: Option<User>) -> &mut Self {
        self.user = user;
        self
    }

    /// Lets it run in the network that this process is in.
    pub(crate) fn within(&mut self, pid: Option<u32>) {
        self.network = pid.map(|pid| PathBuf::from(format!("/proc/{pid}/ns/net")));
    }

    /// Starts the process. The log of an earlier one with its name is kept beside the new one.
    pub fn start(&self) -> Result<()> {
        let log = self.log();
        if log.exists() {
            fs::rename(&log, log.with_extension("log.1"))?;
        }
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
        // In a session of its own: an interrupt from the terminal does not reach it, and a server
        // that runs as somebody else does not hold the terminal of who started it.
        let mut command = match &self.network {
            Some(network) => run_within(network, self.user),
            None => Command::new("setsid"),
        };
        if self.network.is_some() {
            command.arg("setsid");
        } else {
            run_as(&mut command, self.user);
        }
        let child = command
            .arg(&program)
            .args(&self.arguments)
            // Where the database is only those know who are told.
            .env_remove("DATABASE_URL")
            .envs(self.environment.iter().cloned())
            .current_dir(&self.place.data)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        self.place.records.write(&self.name, child.id())?;
        *self.child() = Some(child);
        Ok(())
    }

    /// Where the cluster keeps its data.
    pub(crate) fn data(&self) -> &Path {
        &self.place.data
    }

    /// Ends the process at once (SIGKILL) and waits until it is gone.
    pub fn kill(&self) -> Result<()> {
        let Some(mut child) = self.child().take() else {
            return Ok(());
        };
        child.kill()?;
        child.wait()?;
        self.place.records.remove(&self.name);
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
                self.place.records.remove(&self.name);
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

    /// Whether the process was started, and ended without being told to.
    pub fn ended_by_itself(&self) -> Result<bool> {
        match self.child().as_mut() {
            Some(child) => Ok(child.try_wait()?.is_some()),
            None => Ok(false),
        }
    }

    /// Whether it is this process that listens on a port: another program may have taken it.
    pub fn listens(&self, port: u16) -> bool {
        self.pid().is_some_and(|pid| proc::listens(pid, port))
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
            drop(send(Signal::KILL, child));
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

    /// Where it is reached from this machine.
    pub fn loopback(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
        let log = self.log_text();
        let lines: Vec<&str> = log.lines().collect();
        let skip = lines.len().saturating_sub(TAIL_LINES);
        let tail: Vec<&str> = lines.into_iter().skip(skip).collect();
        format!("--- {}\n  {}\n", self.log().display(), tail.join("\n  "))
    }

    /// All that it logged so far.
    pub fn log_text(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn log(&self) -> PathBuf {
        self.place.logs.join(format!("{}.log", self.name))
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
        if !self.place.kept {
            // The guard ends what cannot be ended here.
            drop(self.kill());
        }
    }
}

/// Sends a signal to a process.
pub fn send(signal: Signal, pid: u32) -> Result<()> {
    let known = Pid::from_raw(pid.cast_signed()).context("no process has this id")?;
    kill_process(known, signal).with_context(|| format!("signalling process {pid}"))
}
