//! What `/proc` says of a process.

use std::collections::BTreeMap;

use procfs::{
    net::TcpState,
    process::{FDTarget, Process as Handle, Stat, all_processes},
};

/// Ticks of `/proc/…/stat` in a second: fixed in Linux' interface to programs,
/// whatever the kernel's own clock is.
const TICKS: f64 = 100.0;

/// One look at a process.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Process {
    /// When it was started, in ticks since boot: another one under the same id started later.
    pub started: u64,
    /// Seconds of CPU in its own code.
    pub user: f64,
    /// Seconds of CPU in the kernel for it.
    pub system: f64,
    /// The first of its children that ended and were waited for.
    pub children_user: f64,
    /// The second of them.
    pub children_system: f64,
}

/// What of a process is in memory, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub resident: u64,
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
        }
    }
}

fn open(pid: u32) -> Option<Handle> {
    Handle::new(pid.cast_signed()).ok()
}

/// The process of this id, if there is one.
pub fn process(pid: u32) -> Option<Process> {
    Some(Process::from(&open(pid)?.stat().ok()?))
}

/// When a process was started, in ticks since boot; none when it ended, even if nobody
/// took notice of that yet.
pub fn started(pid: u32) -> Option<u64> {
    let stat = open(pid)?.stat().ok()?;
    (!matches!(stat.state, 'Z' | 'X')).then_some(stat.starttime)
}

/// The children of a process that live.
pub fn children(parent: u32) -> Vec<(u32, Process)> {
    stats_of_children(parent)
        .map(|stat| (stat.pid.cast_unsigned(), Process::from(&stat)))
        .collect()
}

/// The ids of the children of a process that live.
pub fn child_ids(parent: u32) -> Vec<u32> {
    stats_of_children(parent)
        .map(|stat| stat.pid.cast_unsigned())
        .collect()
}

/// The ids of all processes.
pub fn ids() -> Vec<u32> {
    let all = all_processes().into_iter().flatten().flatten();
    all.map(|process| process.pid.cast_unsigned()).collect()
}

fn stats_of_children(parent: u32) -> impl Iterator<Item = Stat> {
    let all = all_processes().into_iter().flatten().flatten();
    all.filter_map(|process| process.stat().ok())
        .filter(move |stat| stat.ppid == parent.cast_signed())
}

/// The memory of a process; none when it ended.
pub fn memory(pid: u32) -> Option<Memory> {
    let status = open(pid)?.status().ok()?;
    Some(Memory {
        resident: status.vmrss?.saturating_mul(1_024),
    })
}

/// The descriptors that a process has open; none when it ended or is another user's.
pub fn descriptors(pid: u32) -> Option<usize> {
    open(pid)?.fd_count().ok()
}

/// Whether a process listens on a TCP port; `false` where it is another user's.
pub fn listens(pid: u32, port: u16) -> bool {
    let Some(process) = open(pid) else {
        return false;
    };
    let all = process.tcp().into_iter().chain(process.tcp6()).flatten();
    let inodes: Vec<u64> = all
        .filter(|socket| socket.state == TcpState::Listen && socket.local_address.port() == port)
        .map(|socket| socket.inode)
        .collect();
    let mut descriptors = process.fd().into_iter().flatten().flatten();
    descriptors.any(|fd| matches!(fd.target, FDTarget::Socket(inode) if inodes.contains(&inode)))
}

/// How often each thread of a process left its CPU to wait, by thread.
pub fn waits(pid: u32) -> BTreeMap<u32, u64> {
    let tasks = open(pid).and_then(|process| process.tasks().ok());
    let tasks = tasks.into_iter().flatten().flatten();
    tasks
        .filter_map(|task| {
            let waits = task.status().ok()?.voluntary_ctxt_switches?;
            Some((task.tid.cast_unsigned(), waits))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, net::TcpListener};

    use super::*;

    #[test]
    fn this_process_is_seen() {
        let pid = std::process::id();
        assert!(process(pid).is_some_and(|process| process.started > 0));
        assert!(memory(pid).unwrap().resident > 0);
        let before = descriptors(pid).unwrap();
        let files: Vec<_> = (0..5).map(|_| fs::File::open("/proc/self/stat")).collect();
        assert!(
            descriptors(pid).unwrap() > before.max(5),
            "{} {before}",
            files.len()
        );
        assert!(waits(pid).contains_key(&pid));
    }

    #[test]
    fn who_listens_is_known() {
        let pid = std::process::id();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listens(pid, port));
        assert!(!listens(std::os::unix::process::parent_id(), port));
        drop(listener);
        assert!(!listens(pid, port));
    }
}
