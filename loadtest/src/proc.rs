//! What `/proc` says of a process.

use std::collections::BTreeMap;

use procfs::process::{Process as Handle, Stat, all_processes};

/// Ticks of `/proc/…/stat` in a second: fixed in Linux' interface to programs,
/// whatever the kernel's own clock is.
const TICKS: f64 = 100.0;

/// One look at a process.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Process {
    /// When it was started, in ticks since boot: another one under the same id started later.
    pub(crate) started: u64,
    /// Seconds of CPU in its own code, and in the kernel for it.
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// The same of its children that ended and were waited for.
    pub(crate) children_user: f64,
    pub(crate) children_system: f64,
    pub(crate) threads: u64,
}

/// What of a process is in memory, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// What it does not share with a file or another process.
    pub(crate) anonymous: u64,
}

/// Times that a thread left a CPU: to wait, and because another was let on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
}

impl From<&Stat> for Process {
    fn from(stat: &Stat) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are 3 million years")]
        let seconds = |ticks: u64| ticks as f64 / TICKS;
        Self {
            started: stat.starttime,
            user: seconds(stat.utime),
            system: seconds(stat.stime),
            children_user: seconds(stat.cutime.unsigned_abs()),
            children_system: seconds(stat.cstime.unsigned_abs()),
            threads: stat.num_threads.unsigned_abs(),
        }
    }
}

fn open(pid: u32) -> Option<Handle> {
    Handle::new(pid.cast_signed()).ok()
}

/// The process of this id, if there is one.
pub(crate) fn process(pid: u32) -> Option<Process> {
    Some(Process::from(&open(pid)?.stat().ok()?))
}

/// The children of a process that live.
pub(crate) fn children(parent: u32) -> Vec<(u32, Process)> {
    stats_of_children(parent)
        .map(|stat| (stat.pid.cast_unsigned(), Process::from(&stat)))
        .collect()
}

/// The ids of the children of a process that live.
pub(crate) fn child_ids(parent: u32) -> Vec<u32> {
    stats_of_children(parent)
        .map(|stat| stat.pid.cast_unsigned())
        .collect()
}

fn stats_of_children(parent: u32) -> impl Iterator<Item = Stat> {
    let all = all_processes().into_iter().flatten().flatten();
    all.filter_map(|process| process.stat().ok())
        .filter(move |stat| stat.ppid == parent.cast_signed())
}

/// The memory of a process; none when it ended.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = open(pid)?.status().ok()?;
    let bytes = |kib: Option<u64>| kib.unwrap_or_default().saturating_mul(1_024);
    Some(Memory {
        resident: bytes(status.vmrss),
        anonymous: bytes(status.rssanon),
    })
}

/// The descriptors that a process has open; none when it ended or is another user's.
pub(crate) fn descriptors(pid: u32) -> Option<usize> {
    open(pid)?.fd_count().ok()
}

/// The switches of each thread of a process, by thread.
pub(crate) fn switches(pid: u32) -> BTreeMap<u32, Switches> {
    let tasks = open(pid).and_then(|process| process.tasks().ok());
    let tasks = tasks.into_iter().flatten().flatten();
    tasks
        .filter_map(|task| {
            let status = task.status().ok()?;
            let switches = Switches {
                voluntary: status.voluntary_ctxt_switches?,
                involuntary: status.nonvoluntary_ctxt_switches?,
            };
            Some((task.tid.cast_unsigned(), switches))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn this_process_is_seen() {
        let pid = std::process::id();
        assert!(process(pid).is_some_and(|process| process.threads > 0));
        let memory = memory(pid).unwrap();
        assert!(memory.resident > memory.anonymous && memory.anonymous > 0);
        let before = descriptors(pid).unwrap();
        let files: Vec<_> = (0..5).map(|_| fs::File::open("/proc/self/stat")).collect();
        assert!(
            descriptors(pid).unwrap() > before.max(5),
            "{} {before}",
            files.len()
        );
        assert!(switches(pid).contains_key(&pid));
    }
}
