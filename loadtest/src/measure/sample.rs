//! What the processes of a run use, by their role: CPU, memory, switches, descriptors.
//!
//! Counters of a role only rise: what an ended process used stays counted, and
//! one that was started again under the same name counts on from there. Lost
//! is only what a process used between the last sample and its end.

use std::{collections::BTreeMap, time::Instant};

use serde::{Deserialize, Serialize};

use super::text::real;
use crate::proc::{self, Process, Switches};

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holds sockets.
    Gateway,
    /// Holds rules.
    Worker,
    /// Carries.
    Redis,
    /// Stores; with all the processes that it starts.
    Postgres,
    /// The bare server that ours is compared with.
    Limit,
    /// Makes the load.
    Generator,
}

impl Role {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Gateway,
        Self::Worker,
        Self::Redis,
        Self::Postgres,
        Self::Limit,
        Self::Generator,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Worker => "worker",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Limit => "limit",
            Self::Generator => "generator",
        }
    }

    /// Whether its children's work is its own. A generator may have started
    /// the servers, whose work is not its.
    const fn counts_children(self) -> bool {
        matches!(self, Self::Postgres)
    }
}

/// What the processes of a role used between two marks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds between the marks.
    pub seconds: f64,
    /// Seconds of CPU, in user code and in the kernel.
    pub cpu: f64,
    /// Of these, those in user code.
    pub user: f64,
    /// Of these, those in the kernel.
    pub system: f64,
    /// Switches because a thread waited.
    pub voluntary: u64,
    /// Switches because another thread was let on.
    pub involuntary: u64,
    /// Memory at the later mark, in bytes; what processes share counts for each.
    pub resident: u64,
    /// Memory at the later mark that is shared with no file and no process, in bytes.
    pub anonymous: u64,
    /// The most that was resident in any sample between the marks, in bytes.
    pub peak: u64,
    /// Descriptors at the later mark.
    pub descriptors: u64,
    /// Threads at the later mark.
    pub threads: u64,
    /// Processes at the later mark.
    pub processes: u64,
}

/// What the processes of a role did in one second.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// CPUs that were busy with it: seconds of CPU per second.
    pub cpu: f64,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Switches per second, of both kinds.
    pub switches: f64,
}

/// One second of a run.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the run began.
    pub at: f64,
    /// What the generator counted in it, by name, per second: `sent`, `delivered`, …
    pub rates: BTreeMap<String, f64>,
    /// What the processes used.
    pub load: BTreeMap<Role, Load>,
}

/// The counters at one moment.
#[derive(Debug, Clone)]
pub struct Mark {
    at: Instant,
    /// How many samples there were before.
    samples: usize,
    totals: BTreeMap<Role, Usage>,
}

/// One process that is watched, under a name that outlives it.
#[derive(Debug)]
struct Watched {
    role: Role,
    pid: u32,
    /// When the process was started; none once it ended.
    started: Option<u64>,
    /// What earlier processes of this name used.
    before: Usage,
    /// What this process used so far.
    now: Usage,
    /// The last seen switches of each thread, which end with it.
    threads: BTreeMap<(u32, u32), Switches>,
}

/// Watches processes.
#[derive(Debug)]
pub struct Sampler {
    began: Instant,
    watched: BTreeMap<String, Watched>,
    last: Mark,
    seconds: Vec<Second>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampler {
    /// Watches nothing yet.
    pub fn new() -> Self {
        let began = Instant::now();
        let last = Mark {
            at: began,
            samples: 0,
            totals: BTreeMap::new(),
        };
        Self {
            began,
            watched: BTreeMap::new(),
            last,
            seconds: Vec::new(),
        }
    }

    /// Watches a process. The same name with another process says that it was started again.
    pub fn watch(&mut self, role: Role, name: &str, pid: u32) {
        let started = proc::process(pid).map(|process| process.started);
        let known = self.watched.remove(name);
        let watched = match known {
            Some(known) if known.pid == pid && known.started == started => known,
            known => Watched {
                role,
                pid,
                started,
                before: known.map_or_else(Usage::default, |known| known.total().ended()),
                now: Usage::default(),
                threads: BTreeMap::new(),
            },
        };
        self.watched.insert(name.to_owned(), watched);
    }

    /// Watches this process as the generator.
    pub fn watch_this(&mut self) {
        self.watch(Role::Generator, "generator", std::process::id());
    }

    /// Reads the counters. They belong to the run from the first mark on.
    pub fn mark(&mut self) -> Mark {
        self.read()
    }

    /// Adds a second to the series. `rates` is what the generator counted in it, per second.
    pub fn sample(&mut self, rates: BTreeMap<String, f64>) -> &Second {
        let mark = self.read();
        let seconds = mark.at.duration_since(self.last.at).as_secs_f64();
        let load = mark.totals.iter().map(|(role, total)| {
            let before = self.last.totals.get(role).copied().unwrap_or(*total);
            (*role, total.load_since(&before, seconds))
        });
        let second = Second {
            at: mark.at.duration_since(self.began).as_secs_f64(),
            rates,
            load: load.collect(),
        };
        self.last = mark;
        self.seconds.push(second);
        // It was pushed just now.
        self.seconds.last().unwrap_or(const { &EMPTY })
    }

    /// The series so far.
    pub fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// What was used between two marks, by role.
    pub fn between(&self, from: &Mark, to: &Mark) -> BTreeMap<Role, Usage> {
        let seconds = to.at.duration_since(from.at).as_secs_f64();
        to.totals
            .iter()
            .map(|(role, total)| {
                let before = from.totals.get(role).copied().unwrap_or_default();
                let mut usage = total.since(&before, seconds);
                usage.peak = self
                    .peak(*role, from.samples..to.samples)
                    .max(total.resident);
                (*role, usage)
            })
            .collect()
    }

    fn peak(&self, role: Role, samples: std::ops::Range<usize>) -> u64 {
        let samples = self.seconds.get(samples).unwrap_or_default();
        let resident = samples.iter().filter_map(|second| second.load.get(&role));
        resident.map(|load| load.resident).max().unwrap_or_default()
    }

    fn read(&mut self) -> Mark {
        let mut totals: BTreeMap<Role, Usage> = BTreeMap::new();
        for watched in self.watched.values_mut() {
            watched.read();
            totals
                .entry(watched.role)
                .or_default()
                .add(&watched.total());
        }
        Mark {
            at: Instant::now(),
            samples: self.seconds.len(),
            totals,
        }
    }
}

static EMPTY: Second = Second {
    at: 0.0,
    rates: BTreeMap::new(),
    load: BTreeMap::new(),
};

impl Watched {
    /// What this name used, all its processes together.
    fn total(&self) -> Usage {
        let mut total = self.before;
        total.add(&self.now);
        total
    }

    fn read(&mut self) {
        let Some(process) = proc::process(self.pid).filter(|now| Some(now.started) == self.started)
        else {
            self.started = None;
            self.now = self.now.ended();
            return;
        };
        // The parent before its children: one that ends in between is missing
        // from this sample and complete in the next, never counted twice.
        let children = if self.role.counts_children() {
            proc::children(self.pid)
        } else {
            Vec::new()
        };
        let mut now = Usage {
            user: process.user,
            system: process.system,
            // Those of threads that ended count, too.
            voluntary: self.now.voluntary,
            involuntary: self.now.involuntary,
            ..Usage::default()
        };
        if self.role.counts_children() {
            now.user += process.children_user;
            now.system += process.children_system;
        }
        for (_, child) in &children {
            now.user += child.user + child.children_user;
            now.system += child.system + child.children_system;
        }
        // What is missing from this sample must not make counters fall.
        now.user = now.user.max(self.now.user);
        now.system = now.system.max(self.now.system);
        let mut threads = BTreeMap::new();
        for (pid, process) in std::iter::once((self.pid, &process))
            .chain(children.iter().map(|(pid, process)| (*pid, process)))
        {
            now.hold(pid, process);
            for (thread, switches) in proc::switches(pid) {
                let before = self.threads.get(&(pid, thread)).copied();
                let before = before.unwrap_or_default();
                now.voluntary += switches.voluntary.saturating_sub(before.voluntary);
                now.involuntary += switches.involuntary.saturating_sub(before.involuntary);
                threads.insert((pid, thread), switches);
            }
        }
        self.threads = threads;
        self.now = now;
    }
}

impl Usage {
    /// Adds what one living process holds.
    fn hold(&mut self, pid: u32, process: &Process) {
        let memory = proc::memory(pid).unwrap_or_default();
        self.resident += memory.resident;
        self.anonymous += memory.anonymous;
        self.descriptors += proc::descriptors(pid).unwrap_or_default() as u64;
        self.threads += process.threads;
        self.processes += 1;
    }

    /// Adds what another process used and holds.
    fn add(&mut self, other: &Self) {
        self.user += other.user;
        self.system += other.system;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
        self.resident += other.resident;
        self.anonymous += other.anonymous;
        self.descriptors += other.descriptors;
        self.threads += other.threads;
        self.processes += other.processes;
    }

    /// Adds what was used later; what was held is what is held then.
    pub fn follow(&mut self, later: &Self) {
        let used = *self;
        *self = *later;
        self.seconds += used.seconds;
        self.cpu += used.cpu;
        self.user += used.user;
        self.system += used.system;
        self.voluntary += used.voluntary;
        self.involuntary += used.involuntary;
        self.peak = self.peak.max(used.peak);
    }

    /// What is left of a process that ended: what it used, not what it held.
    fn ended(&self) -> Self {
        Self {
            user: self.user,
            system: self.system,
            voluntary: self.voluntary,
            involuntary: self.involuntary,
            ..Self::default()
        }
    }

    fn since(&self, before: &Self, seconds: f64) -> Self {
        let user = (self.user - before.user).max(0.0);
        let system = (self.system - before.system).max(0.0);
        Self {
            seconds,
            cpu: user + system,
            user,
            system,
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
            peak: self.resident,
            ..*self
        }
    }

    fn load_since(&self, before: &Self, seconds: f64) -> Load {
        let usage = self.since(before, seconds);
        let per_second = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        let switches = real(usage.voluntary + usage.involuntary);
        Load {
            cpu: per_second(usage.cpu),
            resident: usage.resident,
            switches: per_second(switches),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Child, Command, Stdio},
        time::Duration,
    };

    use super::*;

    /// Burns CPU until it is told to stop by the end of its input, then ends.
    fn shell(script: &str) -> Child {
        Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Looks until something holds, and fails when it never does.
    fn wait(mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "it never came");
            std::thread::yield_now();
        }
    }

    const BUSY: &str = "while :; do :; done";

    #[test]
    fn what_a_process_uses_is_counted_and_stays_when_it_ends() {
        let mut sampler = Sampler::new();
        let mut busy = shell(BUSY);
        sampler.watch(Role::Limit, "limit", busy.id());
        let from = sampler.mark();
        let mut used = 0.0;
        wait(|| {
            let to = sampler.mark();
            used = sampler.between(&from, &to)[&Role::Limit].cpu;
            used >= 0.2
        });
        let alive = sampler.mark();
        let usage = sampler.between(&from, &alive)[&Role::Limit];
        assert!(usage.resident > 0 && usage.peak >= usage.resident);
        assert_eq!(usage.processes, 1);
        assert!(usage.cpu <= usage.seconds + 0.05, "{usage:?}");

        busy.kill().unwrap();
        busy.wait().unwrap();
        let ended = sampler.mark();
        let usage = sampler.between(&from, &ended)[&Role::Limit];
        assert!(usage.cpu >= used, "{usage:?}");
        assert_eq!((usage.resident, usage.processes), (0, 0));

        let mut again = shell(BUSY);
        sampler.watch(Role::Limit, "limit", again.id());
        wait(|| {
            let now = sampler.mark();
            sampler.between(&from, &now)[&Role::Limit].cpu >= used + 0.1
        });
        again.kill().unwrap();
        again.wait().unwrap();
    }

    #[test]
    fn children_that_ended_between_samples_are_counted_for_postgres_only() {
        // A shell that waits for a busy child, then for the end of its input.
        let script = "sh -c 'n=0; while [ $n -lt 400000 ]; do n=$((n+1)); done'; echo done; read x";
        let mut parent = shell(script);
        let mut sampler = Sampler::new();
        sampler.watch(Role::Postgres, "tree", parent.id());
        sampler.watch(Role::Worker, "alone", parent.id());
        let from = sampler.mark();
        let mut said = [0; 5];
        std::io::Read::read_exact(parent.stdout.as_mut().unwrap(), &mut said).unwrap();
        let to = sampler.mark();
        let usage = sampler.between(&from, &to);
        assert!(usage[&Role::Postgres].cpu >= 0.05, "{usage:?}");
        assert!(usage[&Role::Worker].cpu < usage[&Role::Postgres].cpu);
        drop(parent.stdin.take());
        parent.wait().unwrap();
    }

    #[test]
    fn seconds_show_rates_and_load() {
        let mut sampler = Sampler::new();
        sampler.watch_this();
        let from = sampler.mark();
        sampler.sample(BTreeMap::from([("sent".to_owned(), 5.0)]));
        // Work, so that there is something to see.
        wait(|| {
            let now = sampler.mark();
            sampler.between(&from, &now)[&Role::Generator].cpu >= 0.1
        });
        let second = sampler.sample(BTreeMap::new()).clone();
        assert!(second.load[&Role::Generator].cpu > 0.0, "{second:?}");
        assert!(second.load[&Role::Generator].resident > 0);
        assert_eq!(sampler.seconds().len(), 2);
        assert!((sampler.seconds()[0].rates["sent"] - 5.0).abs() < 1e-9);
        assert!(sampler.seconds()[1].at > sampler.seconds()[0].at);
    }

    #[test]
    fn a_process_that_is_not_there_uses_nothing() {
        let mut sampler = Sampler::new();
        sampler.watch(Role::Gateway, "gateway-1", u32::MAX);
        let from = sampler.mark();
        let to = sampler.mark();
        let usage = sampler.between(&from, &to)[&Role::Gateway];
        assert_eq!((usage.processes, usage.resident), (0, 0));
    }
}
