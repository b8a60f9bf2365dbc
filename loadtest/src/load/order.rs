//! What the parts of a generator are told and what they answer: the same for a
//! thread and for a process, where it travels as lines of JSON.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

use super::pacer::{Pacing, Popularity};
use crate::measure::{Checks, Latency};

/// What a part is told. Each order is answered with one [`Tally`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// What the run is; the first order.
    Begin(Setup),
    /// Makes members: guest accounts that redeem these of the codes.
    Recruit {
        /// The codes of servers.
        codes: Vec<String>,
        /// Which codes each member redeems.
        members: Vec<Vec<u32>>,
    },
    /// Makes members of a bare server, where nobody signs in.
    Crowd {
        /// How many.
        members: u32,
        /// How many publishers there are, each with a stream of its own.
        publishers: u32,
    },
    /// Connects all members and keeps them connected.
    Open {
        /// Connections per second; as fast as possible when absent.
        rate: Option<f64>,
    },
    /// Lets members publish.
    Publish(Plan),
    /// Lets members ask for pages of history, one question after the other.
    Page {
        /// How many members ask.
        members: u32,
        /// Messages per page.
        limit: u32,
    },
    /// Lets a share of the members read nothing, or little.
    Slow {
        /// How many members.
        members: u32,
        /// Bytes per second that each of them reads.
        rate: u32,
    },
    /// Ends publishing and asking; what is under way is still waited for.
    Quiet,
    /// Ends connections, as many as these, without a word; they come back at once.
    Cut {
        /// How many.
        members: u32,
    },
    /// Ends all connections.
    Leave,
    /// Asks for what was counted since the last answer.
    Collect,
    /// The last message of each channel as far as anyone knows; the answer
    /// says what is missing.
    Settle {
        /// By channel.
        heads: BTreeMap<u64, u64>,
    },
}

/// What a run is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// Marks the messages of this run.
    pub run: u32,
    /// Which part this is.
    pub part: u32,
    /// Of all numbers that look random.
    pub seed: u64,
    /// Where the gateways are; members are spread over them.
    pub gateways: Vec<SocketAddr>,
    /// The gateway that all members of this part begin on; spread over all when absent.
    pub home: Option<usize>,
    /// Loopback addresses to connect from: 127.0.0.1 and so many in all.
    pub addresses: u32,
    /// Connections being opened at once.
    pub parallel: u32,
    /// Bytes of a message's content.
    pub bytes: u32,
}

/// Who publishes how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The first so many members publish, each in its first channel.
    pub publishers: u32,
    /// Messages per second of all of them.
    pub rate: f64,
    /// The rhythm.
    pub pacing: Pacing,
    /// Who publishes how often.
    pub popularity: Popularity,
    /// Unacknowledged messages per publisher: a closed loop, whatever the rate is.
    pub window: Option<u32>,
    /// Typing signals per second, of all publishers.
    pub typing: f64,
}

/// What a part counted since its last answer.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Tally {
    /// Members that are not yet where they were told to be.
    pub waiting: u64,
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
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
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
    /// Adds what another part counted, or the same part later.
    pub fn add(&mut self, other: &Self) {
        self.waiting += other.waiting;
        self.open += other.open;
        self.checks.add(&other.checks);
        for (sum, counts) in [
            (&mut self.refusals, &other.refusals),
            (&mut self.closed, &other.closed),
        ] {
            for (code, count) in counts {
                *sum.entry(*code).or_default() += count;
            }
        }
        self.typing += other.typing;
        self.signals += other.signals;
        self.paged += other.paged;
        self.cpu += other.cpu;
        self.latencies.merge(&other.latencies);
        for (channel, head) in &other.heads {
            let known = self.heads.entry(*channel).or_default();
            *known = (*known).max(*head);
        }
        if self.fault.is_none() {
            self.fault.clone_from(&other.fault);
        }
    }

    /// Adds what the same part counted later: how it stands now counts, not the sum.
    pub fn follow(&mut self, later: &Self) {
        self.add(later);
        self.waiting = later.waiting;
        self.open = later.open;
    }
}
