//! What the threads of a generator count.

use std::collections::BTreeMap;

use crate::measure::{Checks, Latency};

/// What a thread counted since its last answer.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Members with an open session.
    pub open: u64,
    /// What became of messages and connections.
    pub checks: Checks,
    /// Requests that were refused, by the number of the reason; 0 stands for no answer.
    pub refusals: BTreeMap<u16, u64>,
    /// Connections that the server closed, by the code; 0 stands for none.
    pub closed: BTreeMap<u16, u64>,
    /// Typing events that came.
    pub typing: u64,
    /// Typing signals that were sent.
    pub signals: u64,
    /// Messages that history pages held.
    pub paged: u64,
    /// Nanoseconds of CPU.
    pub cpu: u64,
    /// How long things took.
    pub latencies: Latencies,
    /// Channels that members read, with the last message known.
    pub heads: BTreeMap<u64, u64>,
    /// The first thing that went wrong, in words.
    pub fault: Option<String>,
}

/// How long things took.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    /// From the intended time of a message to each delivery of it.
    pub deliver: Latency,
    /// From the intended time of a message to its acknowledgement.
    pub ack: Latency,
    /// From connecting to the open session.
    pub connect: Latency,
    /// From the loss of a session to its resumption.
    pub resume: Latency,
    /// From the request for a page to the page.
    pub page: Latency,
    /// How much later than intended messages were written.
    pub late: Latency,
}

impl Latencies {
    /// Adds all that `other` has.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.deliver, &other.deliver),
            (&mut self.ack, &other.ack),
            (&mut self.connect, &other.connect),
            (&mut self.resume, &other.resume),
            (&mut self.page, &other.page),
            (&mut self.late, &other.late),
        ] {
            if !theirs.is_empty() {
                mine.merge(theirs);
            }
        }
    }
}

impl Tally {
    /// What threads counted, all together.
    pub fn sum<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for tally in tallies {
            let open = sum.open + tally.open;
            sum.follow(tally);
            sum.open = open;
        }
        sum
    }

    /// Adds what the same threads counted later: how many are open now counts, not the sum.
    pub fn follow(&mut self, later: &Self) {
        self.open = later.open;
        self.checks.add(&later.checks);
        for (sum, counts) in [
            (&mut self.refusals, &later.refusals),
            (&mut self.closed, &later.closed),
        ] {
            for (code, count) in counts {
                *sum.entry(*code).or_default() += count;
            }
        }
        self.typing += later.typing;
        self.signals += later.signals;
        self.paged += later.paged;
        self.cpu += later.cpu;
        self.latencies.merge(&later.latencies);
        for (channel, head) in &later.heads {
            let known = self.heads.entry(*channel).or_default();
            *known = (*known).max(*head);
        }
        if self.fault.is_none() {
            self.fault.clone_from(&later.fault);
        }
    }
}
