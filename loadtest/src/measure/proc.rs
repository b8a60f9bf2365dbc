//! What `/proc` says of a process.

use std::{collections::BTreeMap, fs};

/// Ticks of `/proc/…/stat` in a second: fixed in Linux' interface to programs,
/// whatever the kernel's own clock is.
const TICKS: f64 = 100.0;

/// One look at a process.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Process {
    /// When it was started, in ticks since boot: another one under the same id started later.
    pub(super) started: u64,
    pub(super) parent: u32,
    /// Seconds of CPU in its own code, and in the kernel for it.
    pub(super) user: f64,
    pub(super) system: f64,
    /// The same of its children that ended and were waited for.
    pub(super) children_user: f64,
    pub(super) children_system: f64,
    pub(super) threads: u64,
}

/// What of a process is in memory.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) resident: u64,
    /// What it does not share with a file or another process.
    pub(super) anonymous: u64,
}

/// Times that a thread left a CPU: to wait, and because another was let on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Switches {
    pub(super) voluntary: u64,
    pub(super) involuntary: u64,
}

/// The process of this id, if there is one.
pub(super) fn process(pid: u32) -> Option<Process> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The children of a process that live.
pub(super) fn children(parent: u32) -> Vec<(u32, Process)> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, process(pid)?)))
        .filter(|(_, process)| process.parent == parent)
        .collect()
}

/// The memory of a process; nothing when it ended.
pub(super) fn memory(pid: u32) -> Memory {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name| number(&status, name).saturating_mul(1_024);
    Memory {
        resident: kib("VmRSS:"),
        anonymous: kib("RssAnon:"),
    }
}

/// The descriptors that a process has open; none when it ended or is another user's.
pub(super) fn descriptors(pid: u32) -> u64 {
    // Since Linux 6.2 the size of the folder is their number; counting 20,000
    // names each second would be work that disturbs what is measured.
    let folder = format!("/proc/{pid}/fd");
    match fs::metadata(&folder).map(|found| found.len()) {
        Ok(0) => fs::read_dir(folder).map_or(0, |found| found.count() as u64),
        Ok(open) => open,
        Err(_) => 0,
    }
}

/// The switches of each thread of a process, by thread.
pub(super) fn switches(pid: u32) -> BTreeMap<u32, Switches> {
    fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|thread: u32| {
            let path = format!("/proc/{pid}/task/{thread}/status");
            let status = fs::read_to_string(path).ok()?;
            let switches = Switches {
                voluntary: number(&status, "voluntary_ctxt_switches:"),
                involuntary: number(&status, "nonvoluntary_ctxt_switches:"),
            };
            Some((thread, switches))
        })
        .collect()
}

/// The number behind a name at the beginning of a line.
fn number(status: &str, name: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

fn parse_stat(stat: &str) -> Option<Process> {
    // The name in parentheses may hold spaces and parentheses.
    let (_, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    // proc(5) counts from 1, and the state behind the name is its third field.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are 3 million years")]
    let seconds = |number| Some(field(number)? as f64 / TICKS);
    Some(Process {
        parent: u32::try_from(field(4)?).ok()?,
        user: seconds(14)?,
        system: seconds(15)?,
        children_user: seconds(16)?,
        children_system: seconds(17)?,
        threads: field(20)?,
        started: field(22)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_skipped() {
        let stat =
            "7 (a) b (c)) S 3 7 7 0 -1 4194304 101 0 0 0 150 25 1000 200 20 0 4 0 1286461 1 2 3";
        let process = parse_stat(stat).unwrap();
        assert_eq!(process.parent, 3);
        assert!((process.user - 1.5).abs() < 1e-9 && (process.system - 0.25).abs() < 1e-9);
        assert!((process.children_user - 10.0).abs() < 1e-9);
        assert!((process.children_system - 2.0).abs() < 1e-9);
        assert_eq!((process.threads, process.started), (4, 1_286_461));
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_stat("7 (a) S 3"), None);
    }

    #[test]
    fn this_process_is_seen() {
        let pid = std::process::id();
        assert!(process(pid).is_some_and(|process| process.threads > 0));
        let memory = memory(pid);
        assert!(memory.resident > memory.anonymous && memory.anonymous > 0);
        let before = descriptors(pid);
        let files: Vec<_> = (0..5).map(|_| fs::File::open("/proc/self/stat")).collect();
        assert!(descriptors(pid) > before.max(5), "{} {before}", files.len());
        assert!(switches(pid).contains_key(&pid));
    }
}
