//! The machine and the programs that figures are true of.

use std::{env, path::Path, process::Command};

use procfs::{CpuInfo, Current, Meminfo};
use rustix::process::{Resource, getrlimit};
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
        let cpu = CpuInfo::current();
        let memory = Meminfo::current();
        Self {
            commit: commit_of_program(),
            kernel: first_line("uname", &["-r"]),
            cpu: cpu
                .ok()
                .and_then(|cpu| cpu.model_name(0).map(str::to_owned))
                .unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_bytes: memory.map_or(0, |memory| memory.mem_total),
            descriptors: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            redis: first_line("redis-server", &["--version"]),
            postgres: first_line("postgres", &["--version"]),
        }
    }
}

/// The commit that this program was built from, where it lies in the clone: whoever measures may be anywhere.
fn commit_of_program() -> String {
    let program = env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    folder.map(commit_of).unwrap_or_default()
}

/// The commit that a folder of a clone is at.
fn commit_of(folder: &Path) -> String {
    let describe = [
        "describe",
        "--always",
        "--abbrev=12",
        "--dirty=+",
        "--exclude=*",
    ];
    let folder = folder.to_string_lossy();
    first_line("git", &[&["-C", &folder][..], &describe].concat())
}

/// The first line that a program prints; empty when there is no such program.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let line = text.as_deref().and_then(|text| text.lines().next());
    line.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_what_every_machine_has() {
        let here = Environment::here();
        assert!(here.cores > 0 && here.memory_bytes > 0 && here.descriptors > 0);
        assert!(!here.kernel.is_empty());
        assert_eq!(first_line("no-such-program", &[]), "");
    }

    #[test]
    fn the_commit_is_that_of_the_sources_wherever_it_is_measured() {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let head = first_line("git", &["-C", sources, "rev-parse", "HEAD"]);
        let commit = commit_of_program();
        // Without a clone there is none.
        assert_eq!(
            head.get(..12).unwrap_or_default(),
            commit.trim_end_matches('+')
        );
        assert_eq!(commit_of(Path::new("/")), "");
    }
}
