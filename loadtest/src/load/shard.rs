//! A thread of the generator: thousands of members, one loop, one buffer.
//!
//! What is read is taken apart where it lies, and nothing is allocated for a delivery. The loop
//! knows the members, and the core is what it and each of them share: a member gets it with
//! whatever happens to it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    net::SocketAddr,
    os::fd::OwnedFd,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::{
    event::epoll::{self, EventFlags},
    io::Errno,
    time::Timespec,
};
use shared::{frame::opcode, protocol::control::Heartbeat};
use tokio::sync::mpsc::{Receiver, Sender, error::TryRecvError};

use super::{
    clock::{self, SECOND},
    oracle::Ledgers,
    pacer::{Choice, Pacer, Pacing, Plan, Popularity},
    tally::Tally,
    target::Account,
    virtual_user::{Phase, Publisher, VirtualUser},
};
use crate::{
    client::liveness::{DIALING, answer_patience},
    random::Random,
    requests::encode_control,
};

/// Sockets that one wait brings.
const EVENTS: usize = 256;
/// The longest wait: orders are looked for in between.
const LONGEST_WAIT: u64 = 10_000_000;
/// How often slow things are looked at: heartbeats, trickling readers.
const TICK: u64 = 100_000_000;
/// How long each further step of connecting may take: an overloaded cluster takes its time.
const CONNECTING: u64 = 30 * SECOND;
/// Connections of a thread being opened at once.
const PARALLEL: u32 = 128;

/// What a run is, for one of its threads.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Marks the messages of this run.
    pub run: u32,
    /// Which thread this is.
    pub part: u32,
    /// Of all numbers that look random.
    pub seed: u64,
    /// Where the gateways are; members are spread over them.
    pub gateways: Vec<SocketAddr>,
    /// The gateway that all members of this thread begin on; spread over all when absent.
    pub home: Option<usize>,
    /// Loopback addresses to connect from: 127.0.0.1 and so many in all.
    pub addresses: u32,
    /// Bytes of a message's content.
    pub bytes: usize,
    /// Whether the server copies bytes and knows no accounts.
    pub bare: bool,
}

/// What a thread is to do with its members.
pub type Order = Box<dyn FnOnce(&mut Shard) + Send>;

/// What a member wants later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Later {
    /// To connect.
    Connect,
    /// To go to another gateway, as this one stops.
    Move,
    /// To send this message again.
    Repeat(u32),
}

/// What the members of a thread share.
pub(super) struct Core {
    pub(super) epoll: OwnedFd,
    pub(super) setup: Setup,
    pub(super) ledgers: Ledgers,
    pub(super) tally: Tally,
    pub(super) random: Random,
    /// Members that are to be connected.
    pub(super) queue: VecDeque<usize>,
    /// Connections being opened.
    pub(super) in_progress: u32,
    /// What is to be done later, by time.
    pub(super) later: BinaryHeap<Reverse<(u64, usize, Later)>>,
    /// The log that places belong to.
    pub(super) epoch: String,
    /// Nanoseconds between two heartbeats.
    pub(super) heartbeat: u64,
    /// Whether an answer makes room for the next message.
    pub(super) closed_loop: bool,
    /// Messages per page, while members ask for history.
    pub(super) page: Option<u32>,
    /// Members with something to write.
    pub(super) dirty: Vec<usize>,
    pub(super) buffer: Vec<u8>,
}

/// A thread's members and what they do.
pub struct Shard {
    core: Core,
    members: Vec<VirtualUser>,
    /// Connections per second, while that is limited.
    ramp: Option<Pacer>,
    messages: Option<(Pacer, Choice)>,
    typing: Option<(Pacer, Choice)>,
    next_tick: u64,
    /// Where the last round of heartbeats ended.
    beaten: usize,
}

impl Shard {
    /// Runs until the orders end.
    pub(super) fn run(
        setup: Setup,
        mut orders: Receiver<Order>,
        answers: &Sender<Tally>,
    ) -> Result<()> {
        let mut shard = Self::new(setup)?;
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            loop {
                match orders.try_recv() {
                    Ok(order) => {
                        order(&mut shard);
                        if answers.blocking_send(shard.report()).is_err() {
                            return Ok(());
                        }
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            let timeout = Duration::from_nanos(shard.run_due());
            let timeout = Timespec::try_from(timeout).unwrap_or_default();
            events.clear();
            let space = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&shard.core.epoll, space, Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("waiting for sockets"),
            }
            for event in &events {
                let (flags, data): (EventFlags, _) = (event.flags, event.data);
                let at = usize::try_from(data.u64()).unwrap_or(usize::MAX);
                if let Some(member) = shard.members.get_mut(at) {
                    member.on_readiness(&mut shard.core, flags);
                }
            }
        }
    }

    fn new(setup: Setup) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("creating an epoll")?;
        let seed = setup.seed ^ (u64::from(setup.part) << 40);
        Ok(Self {
            core: Core {
                epoll,
                setup,
                ledgers: Ledgers::default(),
                tally: Tally::default(),
                random: Random::new(seed),
                queue: VecDeque::new(),
                in_progress: 0,
                later: BinaryHeap::new(),
                epoch: String::new(),
                heartbeat: 20 * SECOND,
                closed_loop: false,
                page: None,
                dirty: Vec::new(),
                buffer: Vec::new(),
            },
            members: Vec::new(),
            ramp: None,
            messages: None,
            typing: None,
            next_tick: 0,
            beaten: 0,
        })
    }

    /// What was counted since the last report.
    fn report(&mut self) -> Tally {
        let mut tally = std::mem::take(&mut self.core.tally);
        let open = self.members.iter().filter(|member| member.is_open());
        tally.open = open.count() as u64;
        tally.cpu = clock::thread_cpu();
        tally.heads = self.core.ledgers.heads();
        tally
    }

    /// Makes members of these accounts.
    pub fn join(&mut self, accounts: Vec<Account>) {
        for account in accounts {
            let home = account.channels.first();
            self.members.push(VirtualUser {
                at: self.members.len(),
                token: account.token,
                home: home.map_or((0, 0), |home| (home.server, home.channel)),
                places: account
                    .channels
                    .iter()
                    .map(|at| self.core.ledgers.open(at.channel, at.last_seq))
                    .collect(),
                ..VirtualUser::default()
            });
        }
    }

    /// Connects all members and keeps them connected; `rate` a second, or as fast as possible.
    pub fn connect(&mut self, rate: Option<f64>) {
        let now = clock::now();
        let seed = self.core.random.next();
        self.ramp = rate.map(|rate| Pacer::new(Pacing::Constant, rate, now, seed));
        let gateways = self.core.setup.gateways.len().max(1);
        let closed = self.members.iter_mut();
        for member in closed.filter(|member| member.link.is_none()) {
            member.gateway = self.core.setup.home.unwrap_or(member.at) % gateways;
            member.tries = 0;
            member.since = now;
            self.core.queue.push_back(member.at);
            self.core.tally.checks.connections += 1;
        }
    }

    /// Ends all connections; nobody comes back.
    pub fn disconnect(&mut self) {
        self.quiet();
        self.core.queue.clear();
        self.core.later.clear();
        self.core.in_progress = 0;
        for member in &mut self.members {
            member.link = None;
            member.resumes = false;
            member.topics.clear();
        }
    }

    /// Ends the connections of so many members without a word; they come back at once.
    pub fn cut(&mut self, count: usize) {
        let open = self.members.iter_mut().rev();
        for member in open.filter(|member| member.is_open()).take(count) {
            member.lose(&mut self.core, 0);
        }
    }

    /// Lets the last so many members read nothing, or so many bytes a second, and the others all.
    pub fn slow_down(&mut self, count: usize, rate: u32) {
        let first = self.members.len().saturating_sub(count);
        for member in &mut self.members {
            member.slow = (member.at >= first).then_some(rate);
            member.set_interest(&mut self.core);
        }
    }

    /// Begins a plan; what an earlier one left unanswered is still waited for.
    pub fn publish(&mut self, plan: &Plan) {
        let begin = clock::now();
        let random = &mut self.core.random;
        let mut rhythm = |pacing, rate, popularity| {
            let pacer = Pacer::new(pacing, rate, begin, random.next());
            let count = plan.publishers.min(self.members.len());
            (pacer, Choice::new(popularity, count, random.next()))
        };
        let open_loop = plan.window.is_none() && plan.rate > 0.0;
        self.messages = open_loop.then(|| rhythm(plan.pacing, plan.rate, plan.popularity));
        let types = plan.typing > 0.0;
        self.typing = types.then(|| rhythm(Pacing::Poisson, plan.typing, Popularity::Even));
        self.core.closed_loop = plan.window.is_some();
        for member in self.members.iter_mut().take(plan.publishers) {
            let id = u32::try_from(member.at).unwrap_or_default();
            member.publisher.get_or_insert_with(|| {
                Box::new(Publisher {
                    id: (self.core.setup.part << 20) + id,
                    ..Publisher::default()
                })
            });
            for _ in 0..plan.window.unwrap_or_default() {
                member.publish(&mut self.core, begin);
            }
        }
    }

    /// Lets members ask for pages of history, one after the other.
    pub fn read_history(&mut self, limit: u32) {
        self.core.page = Some(limit);
        let now = clock::now();
        for member in &mut self.members {
            member.ask_for_page(&mut self.core, now);
        }
    }

    /// Ends publishing and asking; what is under way is still waited for.
    pub fn quiet(&mut self) {
        self.messages = None;
        self.typing = None;
        self.core.closed_loop = false;
        self.core.page = None;
    }

    /// Counts what is missing when channels have come so far.
    pub fn settle(&mut self, heads: &BTreeMap<u64, u64>) {
        let core = &mut self.core;
        core.ledgers.learn(heads);
        let checks = &mut core.tally.checks;
        for member in &self.members {
            for place in &member.places {
                let head = core.ledgers.head(place);
                checks.expected += place.expected(head);
                checks.missing += place.missing(head);
            }
            let publisher = member.publisher.as_ref();
            checks.unknown += publisher.map_or(0, |it| it.pending.len() as u64);
        }
    }

    /// Does what is due, and says how many nanoseconds nothing is.
    fn run_due(&mut self) -> u64 {
        let now = clock::now();
        self.connect_some(now);
        while let Some(Reverse((when, at, what))) = self.core.later.peek().copied() {
            if when > now {
                break;
            }
            self.core.later.pop();
            if let Some(member) = self.members.get_mut(at) {
                member.do_later(&mut self.core, what);
            }
        }
        let due = self.publish_due();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.tick(now);
        }
        let mut dirty = std::mem::take(&mut self.core.dirty);
        for at in dirty.drain(..) {
            if let Some(member) = self.members.get_mut(at) {
                member.flush(&mut self.core);
            }
        }
        self.core.dirty = dirty;
        let mut wake = due.min(now + LONGEST_WAIT);
        if let Some(Reverse((when, ..))) = self.core.later.peek() {
            wake = wake.min(*when);
        }
        if let Some(ramp) = self.ramp.as_ref().filter(|_| !self.core.queue.is_empty()) {
            wake = wake.min(ramp.next_at());
        }
        wake.saturating_sub(clock::now())
    }

    /// Starts as many connections as may be under way.
    fn connect_some(&mut self, now: u64) {
        while self.core.in_progress < PARALLEL && !self.core.queue.is_empty() {
            if let Some(ramp) = &mut self.ramp
                && ramp.due(now).is_none()
            {
                break;
            }
            let at = self.core.queue.pop_front().unwrap_or_default();
            if let Some(member) = self.members.get_mut(at) {
                member.connect(&mut self.core, now);
            }
        }
    }

    /// Sends what is due, and says when the next is.
    fn publish_due(&mut self) -> u64 {
        let mut next = u64::MAX;
        if let Some((pacer, choice)) = &mut self.messages {
            let now = clock::now();
            while let Some(intended) = pacer.due(now) {
                if let Some(member) = self.members.get_mut(choice.pick()) {
                    member.publish(&mut self.core, intended);
                }
            }
            next = pacer.next_at();
        }
        if let Some((pacer, choice)) = &mut self.typing {
            let now = clock::now();
            while pacer.due(now).is_some() {
                if let Some(member) = self.members.get_mut(choice.pick()) {
                    member.signal_typing(&mut self.core);
                }
            }
            next = next.min(pacer.next_at());
        }
        next
    }

    /// Lets a share of the members send heartbeats, so that these do not come all at once. Each has
    /// its turn four times in the interval that the gateway asks for, and takes every other one.
    fn beat_some(&mut self, now: u64) {
        let quarter = self.core.heartbeat / 4;
        let share = self.members.len() as u64 / (quarter / TICK).max(1) + 1;
        let heartbeat = Heartbeat {
            number: 1,
            idle: None,
        };
        let heartbeat = encode_control(opcode::HEARTBEAT, &heartbeat);
        for _ in 0..share {
            let next = (self.beaten + 1).checked_rem(self.members.len());
            self.beaten = next.unwrap_or(0);
            let member = self.members.get_mut(self.beaten);
            if let Some(member) = member.filter(|it| it.is_open() && !self.core.setup.bare) {
                member.beat(&mut self.core, &heartbeat, now);
            }
        }
    }

    /// A tenth of a second is over.
    fn tick(&mut self, now: u64) {
        self.beat_some(now);
        for member in &mut self.members {
            if is_gone(member, &self.core, now) {
                let fault = || "a gateway was silent for too long".to_owned();
                self.core.note_fault(fault);
                let heard_at = member.link.as_ref().map(|link| link.heard_at);
                member.lose(&mut self.core, 0);
                // It was lost when it fell silent, and not only when that was noticed.
                member.since = heard_at.unwrap_or(now);
            }
            let slow = member.slow.filter(|rate| *rate > 0 && member.is_open());
            if let Some(rate) = slow {
                let bytes = usize::try_from(u64::from(rate) * TICK / SECOND).unwrap_or(1);
                member.read(&mut self.core, bytes.max(1));
            }
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether the other end has vanished: it did not finish a step of connecting in time, or
/// did not answer the heartbeat that was due.
fn is_gone(member: &VirtualUser, core: &Core, now: u64) -> bool {
    let Some(link) = &member.link else {
        return false;
    };
    let patience = match link.phase {
        // A slow one does not read the answer.
        Phase::Open if member.slow.is_some() => return false,
        Phase::Open => nanos(answer_patience(Duration::from_nanos(core.heartbeat))),
        Phase::Dialing => nanos(DIALING),
        _ => CONNECTING,
    };
    let since = match link.phase {
        Phase::Open => link.unanswered,
        _ => Some(link.step_at),
    };
    since.is_some_and(|since| now.saturating_sub(since) > patience)
}

impl Core {
    /// Keeps the first fault, in words.
    pub(super) fn note_fault(&mut self, words: impl FnOnce() -> String) {
        self.tally.fault.get_or_insert_with(words);
    }

    /// Lets a member do something at a time.
    pub(super) fn do_later(&mut self, when: u64, at: usize, what: Later) {
        self.later.push(Reverse((when, at, what)));
    }
}
