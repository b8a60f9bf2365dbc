//! What the processes of a run use, by their role: CPU, memory, waits.
//!
//! Counters of a role only rise: what an ended process used stays counted beside that of its
//! successor. Lost is only what a process used between the last sample and its end.

use std::{collections::BTreeMap, time::Instant};

use serde::{Deserialize, Serialize};

use crate::proc;

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
}

/// What the processes of a role used between two marks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Seconds between the marks.
    pub seconds: f64,
    /// Seconds of CPU, in user code and in the kernel.
    pub cpu: f64,
    /// Of these, those in user code.
    pub user: f64,
    /// Of these, those in the kernel.
    pub system: f64,
    /// Times that a thread left its CPU to wait.
    pub voluntary: u64,
    /// Memory at the later mark, in bytes; what processes share counts for each.
    pub resident: u64,
}

/// One second of a run.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the run began.
    pub at: f64,
    /// What the generator counted in it, by name: `sent`, `delivered`, …
    pub rates: BTreeMap<String, f64>,
    /// What the processes used.
    pub load: BTreeMap<Role, Usage>,
}

/// The counters at one moment.
#[derive(Debug, Clone)]
pub struct Mark {
    at: Instant,
    totals: BTreeMap<Role, Usage>,
}

/// A process that is watched, or was until it ended.
#[derive(Debug, Default)]
struct Watched {
    /// What it used so far, and what it holds.
    now: Usage,
    /// The last seen waits of each thread, which end with it.
    threads: BTreeMap<(u32, u32), u64>,
}

/// Watches processes.
#[derive(Debug)]
pub struct Sampler {
    began: Instant,
    /// By id, and by the time of the start, as ids are used again.
    watched: BTreeMap<(Role, u32, u64), Watched>,
    last: Mark,
    seconds: Vec<Second>,
}

impl Default for Sampler {
    fn default() -> Self {
        let began = Instant::now();
        let totals = BTreeMap::new();
        Self {
            began,
            watched: BTreeMap::new(),
            last: Mark { at: began, totals },
            seconds: Vec::new(),
        }
    }
}

impl Sampler {
    /// Watches a process from now on, with all that it used before.
    pub fn watch(&mut self, role: Role, pid: u32) {
        if let Some(process) = proc::process(pid) {
            self.watched
                .entry((role, pid, process.started))
                .or_default();
        }
    }

    /// Reads the counters.
    pub fn mark(&mut self) -> Mark {
        let mut totals: BTreeMap<Role, Usage> = BTreeMap::new();
        for ((role, pid, started), watched) in &mut self.watched {
            watched.read(*role, *pid, *started);
            totals.entry(*role).or_default().add(&watched.now);
        }
        let at = Instant::now();
        Mark { at, totals }
    }

    /// Adds a second to the series. `rates` is what the generator counted in it.
    pub fn sample(&mut self, rates: BTreeMap<String, f64>) -> Second {
        let mark = self.mark();
        let second = Second {
            at: mark.at.duration_since(self.began).as_secs_f64(),
            rates,
            load: mark.since(&self.last),
        };
        self.last = mark;
        self.seconds.push(second.clone());
        second
    }

    /// The series so far.
    pub fn seconds(&self) -> &[Second] {
        &self.seconds
    }
}

impl Mark {
    /// What was used since an earlier mark, by role.
    pub fn since(&self, from: &Self) -> BTreeMap<Role, Usage> {
        let seconds = self.at.duration_since(from.at).as_secs_f64();
        let totals = self.totals.iter().map(|(role, total)| {
            let before = from.totals.get(role).unwrap_or(total);
            (*role, total.since(before, seconds))
        });
        totals.collect()
    }
}

impl Watched {
    fn read(&mut self, role: Role, pid: u32, started: u64) {
        let Some(process) = proc::process(pid).filter(|now| now.started == started) else {
            self.now.resident = 0;
            return;
        };
        // Postgres' children work for it. A generator may have started the servers, whose work
        // is not its own. The parent is read before its children: one that ends in between is
        // missing from this sample and complete in the next, never counted twice.
        let with_children = role == Role::Postgres;
        let mut processes = vec![(pid, process)];
        if with_children {
            processes.extend(proc::children(pid));
        }
        let (mut user, mut system) = (0.0, 0.0);
        self.now.resident = 0;
        let before = std::mem::take(&mut self.threads);
        for (pid, process) in processes {
            user += process.user;
            system += process.system;
            if with_children {
                user += process.children_user;
                system += process.children_system;
            }
            self.now.resident += proc::memory(pid).unwrap_or_default().resident;
            for (thread, waits) in proc::waits(pid) {
                let thread = (pid, thread);
                let known = before.get(&thread).copied().unwrap_or_default();
                self.now.voluntary += waits.saturating_sub(known);
                self.threads.insert(thread, waits);
            }
        }
        // What is missing from this sample must not make counters fall.
        self.now.user = self.now.user.max(user);
        self.now.system = self.now.system.max(system);
    }
}

impl Usage {
    /// Adds what another process used and holds.
    fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.cpu += other.cpu;
        self.user += other.user;
        self.system += other.system;
        self.voluntary += other.voluntary;
        self.resident += other.resident;
    }

    /// Adds what was used later; what was held is what is held then.
    pub fn follow(&mut self, later: &Self) {
        self.add(later);
        self.resident = later.resident;
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
            resident: self.resident,
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
        let mut sampler = Sampler::default();
        let mut busy = shell(BUSY);
        sampler.watch(Role::Limit, busy.id());
        let from = sampler.mark();
        let mut used = 0.0;
        wait(|| {
            let to = sampler.mark();
            used = to.since(&from)[&Role::Limit].cpu;
            used >= 0.2
        });
        let alive = sampler.mark();
        let usage = alive.since(&from)[&Role::Limit];
        assert!(usage.resident > 0);
        assert!(usage.cpu <= usage.seconds + 0.05, "{usage:?}");

        busy.kill().unwrap();
        busy.wait().unwrap();
        let ended = sampler.mark();
        let usage = ended.since(&from)[&Role::Limit];
        assert!(usage.cpu >= used, "{usage:?}");
        assert_eq!(usage.resident, 0);

        let mut again = shell(BUSY);
        sampler.watch(Role::Limit, again.id());
        wait(|| {
            let now = sampler.mark();
            now.since(&from)[&Role::Limit].cpu >= used + 0.1
        });
        again.kill().unwrap();
        again.wait().unwrap();
    }

    #[test]
    fn children_that_ended_between_samples_are_counted_for_postgres_only() {
        // A shell that waits for a busy child, then for the end of its input.
        let script = "sh -c 'n=0; while [ $n -lt 400000 ]; do n=$((n+1)); done'; echo done; read x";
        let mut parent = shell(script);
        let mut sampler = Sampler::default();
        sampler.watch(Role::Postgres, parent.id());
        sampler.watch(Role::Worker, parent.id());
        let from = sampler.mark();
        let mut said = [0; 5];
        std::io::Read::read_exact(parent.stdout.as_mut().unwrap(), &mut said).unwrap();
        let to = sampler.mark();
        let usage = to.since(&from);
        assert!(usage[&Role::Postgres].cpu >= 0.05, "{usage:?}");
        assert!(usage[&Role::Worker].cpu < usage[&Role::Postgres].cpu);
        drop(parent.stdin.take());
        parent.wait().unwrap();
    }

    #[test]
    fn seconds_show_rates_and_load() {
        let mut sampler = Sampler::default();
        sampler.watch(Role::Generator, std::process::id());
        let from = sampler.mark();
        sampler.sample(BTreeMap::from([("sent".to_owned(), 5.0)]));
        // Work, so that there is something to see.
        wait(|| {
            let now = sampler.mark();
            now.since(&from)[&Role::Generator].cpu >= 0.1
        });
        let second = sampler.sample(BTreeMap::new());
        assert!(second.load[&Role::Generator].cpu > 0.0, "{second:?}");
        assert!(second.load[&Role::Generator].resident > 0);
        assert_eq!(sampler.seconds().len(), 2);
        assert!((sampler.seconds()[0].rates["sent"] - 5.0).abs() < 1e-9);
        assert!(sampler.seconds()[1].at > sampler.seconds()[0].at);
    }

    #[test]
    fn a_process_that_is_not_there_uses_nothing() {
        let mut sampler = Sampler::default();
        sampler.watch(Role::Gateway, u32::MAX);
        let from = sampler.mark();
        assert!(sampler.mark().since(&from).is_empty());
    }
}
