//! The machine and the programs that figures are true of.

use std::{fs, process::Command};

use serde::{Deserialize, Serialize};

/// The machine and the programs that figures are true of. What is not known is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The commit of the sources, when run from a clone; `+` when they were changed since.
    pub commit: String,
    /// The kernel's release.
    pub kernel: String,
    /// The model of the CPU.
    pub cpu: String,
    /// CPUs that this process may use.
    pub cores: usize,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// Descriptors that a process may open.
    pub descriptors: u64,
    /// What `redis-server --version` says.
    pub redis: String,
    /// What `postgres --version` says.
    pub postgres: String,
}

impl Environment {
    /// This machine, with the programs that would be found on the path.
    pub fn here() -> Self {
        Self {
            commit: commit(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_bytes: field("/proc/meminfo", "MemTotal")
                .trim_end_matches(" kB")
                .parse()
                .map_or(0, |kib: u64| kib * 1_024),
            descriptors: descriptors(&read("/proc/self/limits")),
            redis: says("redis-server", &["--version"]),
            postgres: says("postgres", &["--version"]),
        }
    }
}

fn commit() -> String {
    let commit = says("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed = says("git", &["status", "--porcelain", "--untracked-files=no"]);
    if commit.is_empty() || changed.is_empty() {
        commit
    } else {
        commit + "+"
    }
}

fn descriptors(limits: &str) -> u64 {
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|line| line.split_whitespace().next())
        .and_then(|soft| soft.parse().ok())
        .unwrap_or_default()
}

fn field(path: &str, name: &str) -> String {
    read(path)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| (key.trim() == name).then(|| value.trim().to_owned()))
        .unwrap_or_default()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The first line that a program prints; empty when there is no such program.
fn says(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().next().map(|line| line.trim().to_owned())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_what_every_machine_has() {
        let here = Environment::here();
        assert!(here.cores > 0 && here.memory_bytes > 0 && here.descriptors > 0);
        assert!(!here.kernel.is_empty());
    }

    #[test]
    fn what_is_not_there_is_empty() {
        assert_eq!(says("no-such-program", &[]), "");
        assert_eq!(field("/no/such/file", "model name"), "");
        assert_eq!(
            descriptors("Max open files            20000   30000  files"),
            20_000
        );
    }
}
