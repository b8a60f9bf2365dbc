//! A thread of the generator: thousands of sockets, one loop, one buffer.
//!
//! What is read is taken apart where it lies; only the beginning of a frame
//! whose end has not come is kept, with its connection. Nothing is allocated
//! for a delivery.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    os::fd::{AsFd, OwnedFd},
};

use anyhow::{Context, Result};
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    io::Errno,
    net::{RecvFlags, SendFlags},
};
use shared::{frame::opcode, protocol::control::Heartbeat};
use tokio::sync::mpsc;

use super::{
    clock::{self, SECOND},
    oracle::{Ledgers, Place},
    order::{Order, Plan, Setup, Tally},
    pacer::{Choice, Pacer},
    payload::bare_channel,
    virtual_user::{Link, Phase, VirtualUser},
};
use crate::{
    random::Random,
    requests::encode_control,
    websocket::{Control, Data, OpCode, read_frame, write_frame},
};

/// The read buffer. A busy socket gives many frames at once.
const BUFFER: usize = 256 * 1_024;
/// Sockets that one wait brings.
const EVENTS: usize = 256;
/// The longest wait: orders are looked for in between.
const LONGEST_WAIT: u64 = 10_000_000;
/// How often slow things are looked at: heartbeats, trickling readers.
const TICK: u64 = 100_000_000;
/// How long a step of connecting may take: an overloaded cluster takes its time, and an
/// address that is dead never answers.
const CONNECTING: u64 = 30 * SECOND;
/// Bytes that may wait for a socket before its publisher is held back.
pub(super) const MAX_OUT: usize = 1 << 20;

/// A thread's connections and what it knows of them.
pub(super) struct Shard {
    pub(super) epoll: OwnedFd,
    pub(super) setup: Setup,
    pub(super) members: Vec<VirtualUser>,
    pub(super) ledgers: Ledgers,
    pub(super) tally: Tally,
    pub(super) random: Random,
    /// What the codes that members redeem are.
    pub(super) codes: Vec<String>,
    /// Whether the server copies bytes and knows no accounts.
    pub(super) bare: bool,
    /// Whether members stay connected once they have their servers.
    pub(super) opening: bool,
    /// Connections per second, while that is limited.
    pub(super) ramp: Option<Pacer>,
    /// Members that are to be connected.
    pub(super) queue: VecDeque<usize>,
    /// Connections being opened.
    pub(super) in_progress: u32,
    /// What is to be done later, by time: connecting, or sending a message again.
    pub(super) later: BinaryHeap<Reverse<(u64, usize, u32)>>,
    /// The log that places belong to.
    pub(super) epoch: String,
    /// Nanoseconds between two heartbeats.
    pub(super) heartbeat: u64,
    pub(super) publishing: Option<Publishing>,
    /// Members that ask for history, and messages per page.
    pub(super) paging: Option<(u32, u32)>,
    /// Members with something to write.
    pub(super) dirty: Vec<usize>,
    buffer: Vec<u8>,
    next_tick: u64,
    /// Where the last round of heartbeats ended.
    beaten: usize,
}

/// What is being published.
pub(super) struct Publishing {
    pub(super) plan: Plan,
    pub(super) pacer: Pacer,
    pub(super) choice: Choice,
    pub(super) typing: Option<(Pacer, Choice)>,
}

/// Runs until the orders end.
pub(super) fn run(mut orders: mpsc::Receiver<Order>, answers: &mpsc::Sender<Tally>) -> Result<()> {
    let Some(Order::Begin(setup)) = orders.blocking_recv() else {
        return Ok(());
    };
    let mut shard = Shard::new(setup)?;
    if answers.blocking_send(shard.report()).is_err() {
        return Ok(());
    }
    let mut events = Vec::with_capacity(EVENTS);
    loop {
        loop {
            match orders.try_recv() {
                Ok(order) => {
                    let tally = shard.apply(order);
                    if answers.blocking_send(tally).is_err() {
                        return Ok(());
                    }
                }
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return Ok(()),
            }
        }
        let wait = shard.run_due();
        events.clear();
        let timeout = clock::timespec(wait);
        match epoll::wait(
            &shard.epoll,
            rustix::buffer::spare_capacity(&mut events),
            Some(&timeout),
        ) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for sockets"),
        }
        for event in &events {
            let (flags, data) = (event.flags, event.data);
            shard.on_readiness(usize::try_from(data.u64()).unwrap_or(usize::MAX), flags);
        }
    }
}

impl Shard {
    fn new(setup: Setup) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("creating an epoll")?;
        let seed = setup.seed ^ (u64::from(setup.part) << 40);
        Ok(Self {
            epoll,
            members: Vec::new(),
            ledgers: Ledgers::default(),
            tally: Tally::default(),
            random: Random::new(seed),
            codes: Vec::new(),
            bare: false,
            opening: false,
            ramp: None,
            queue: VecDeque::new(),
            in_progress: 0,
            later: BinaryHeap::new(),
            epoch: String::new(),
            heartbeat: 20 * SECOND,
            publishing: None,
            paging: None,
            dirty: Vec::new(),
            buffer: vec![0; BUFFER],
            next_tick: 0,
            beaten: 0,
            setup,
        })
    }

    fn apply(&mut self, order: Order) -> Tally {
        if let Order::Recruit { members, .. } = &order
            && let Err(error) = super::descriptors::ensure(members.len())
        {
            self.note_fault(|| error.to_string());
        }
        match order {
            Order::Begin(setup) => self.setup = setup,
            Order::Recruit { codes, members } => self.recruit(codes, members),
            Order::Crowd {
                members,
                publishers,
            } => self.make_crowd(members, publishers),
            Order::Open { rate } => self.open_all(rate),
            Order::Publish(plan) => self.publish_from_now(plan),
            Order::Page { members, limit } => self.page_from_now(members, limit),
            Order::Slow { members, rate } => self.slow_down(members, rate),
            Order::Quiet => {
                self.publishing = None;
                self.paging = None;
            }
            Order::Cut { members } => self.cut(members),
            Order::Leave => self.disconnect_all(),
            Order::Collect => {}
            Order::Settle { heads } => return self.settle(&heads),
        }
        self.report()
    }

    /// What was counted since the last report.
    fn report(&mut self) -> Tally {
        let mut tally = std::mem::take(&mut self.tally);
        let open = self.members.iter().filter(|member| member.is_open());
        tally.open = open.count() as u64;
        tally.waiting = if self.opening {
            self.members.len() as u64 - tally.open
        } else {
            let idle = |member: &&VirtualUser| member.link.is_none() && member.codes.is_empty();
            let idle = self.members.iter().filter(idle).count();
            (self.members.len() - idle) as u64
        };
        tally.cpu = clock::thread_cpu();
        for ledger in self.ledgers.iter().filter(|ledger| ledger.head > 0) {
            tally.heads.insert(ledger.channel, ledger.head);
        }
        tally
    }

    /// What is missing at the end, when channels have come so far.
    fn settle(&mut self, heads: &std::collections::BTreeMap<u64, u64>) -> Tally {
        self.ledgers.learn(heads);
        let mut expected = 0;
        let mut missing = 0;
        for place in self.members.iter().flat_map(|member| &member.places) {
            let head = self
                .ledgers
                .get_mut(place.ledger)
                .map_or(0, |ledger| ledger.head);
            expected += place.expected(head);
            missing += place.missing(head);
        }
        let unknown = self
            .members
            .iter()
            .filter_map(|member| member.publisher.as_ref());
        let unknown = unknown
            .map(|publisher| u64::from(publisher.unanswered))
            .sum();
        let mut tally = self.report();
        tally.checks.expected = expected;
        tally.checks.missing = missing;
        tally.checks.unknown = if self.bare { 0 } else { unknown };
        tally
    }

    fn make_crowd(&mut self, members: u32, publishers: u32) {
        self.bare = true;
        let places: Vec<Place> = (0..publishers)
            .map(|publisher| Place::new(self.ledgers.get_or_create(bare_channel(publisher)), 0))
            .collect();
        self.members = (0..members)
            .map(|_| VirtualUser {
                places: places.clone(),
                ..VirtualUser::default()
            })
            .collect();
    }

    fn slow_down(&mut self, members: u32, rate: u32) {
        // The last ones: publishers are the first.
        let count = usize::try_from(members).unwrap_or(usize::MAX);
        for at in 0..self.members.len() {
            let slow = at + count >= self.members.len();
            let Some(member) = self.members.get_mut(at) else {
                continue;
            };
            member.slow = slow.then_some(rate);
            self.set_interest(at);
        }
    }

    /// Does what is due, and says how many nanoseconds nothing is.
    fn run_due(&mut self) -> u64 {
        let now = clock::now();
        self.connect_some(now);
        while let Some(Reverse((at, member, request))) = self.later.peek().copied() {
            if at > now {
                break;
            }
            self.later.pop();
            if request == 0 {
                self.queue.push_back(member);
            } else {
                self.send_again(member, request);
            }
        }
        let due = self.publish_due();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.tick(now);
        }
        self.flush_all();
        let mut wake = now + LONGEST_WAIT;
        wake = wake.min(due);
        if let Some(Reverse((at, _, _))) = self.later.peek() {
            wake = wake.min(*at);
        }
        if let Some(ramp) = self.ramp.as_ref().filter(|_| !self.queue.is_empty()) {
            wake = wake.min(ramp.next_at());
        }
        wake.saturating_sub(clock::now())
    }

    /// A tenth of a second is over.
    fn tick(&mut self, now: u64) {
        // A share of the members each time, so that heartbeats do not come all
        // at once; each has its turn twice in the time that it may be silent.
        let rounds = (self.heartbeat / TICK / 2).max(1);
        let share = self.members.len() as u64 / rounds + 1;
        let heartbeat = encode_control(opcode::HEARTBEAT, &Heartbeat { number: 1 });
        for _ in 0..share {
            self.beaten = if self.beaten + 1 < self.members.len() {
                self.beaten + 1
            } else {
                0
            };
            let Some(member) = self.members.get_mut(self.beaten) else {
                break;
            };
            let Some(link) = member
                .link
                .as_mut()
                .filter(|link| link.phase == Phase::Open)
            else {
                continue;
            };
            if !self.bare && now.saturating_sub(link.sent_at) > self.heartbeat / 2 {
                self.send(self.beaten, &heartbeat);
            }
        }
        for at in 0..self.members.len() {
            if self.is_gone(at, now) {
                self.note_fault(|| "a gateway was silent for too long".to_owned());
                self.on_lost(at, 0);
            }
            let member = self.members.get(at).filter(|member| member.is_open());
            let slow = member.and_then(|member| member.slow);
            if let Some(rate) = slow.filter(|rate| *rate > 0) {
                let bytes = usize::try_from(u64::from(rate) * TICK / SECOND).unwrap_or(1);
                self.read(at, bytes.max(1));
            }
        }
    }

    /// Whether the other end has vanished: it did not finish a step of connecting in time, or
    /// did not answer the heartbeat that was due.
    fn is_gone(&self, at: usize, now: u64) -> bool {
        let member = self.members.get(at);
        let Some((member, link)) = member.and_then(|member| Some((member, member.link.as_ref()?)))
        else {
            return false;
        };
        let patience = match link.phase {
            Phase::Open if self.bare || member.slow.is_some() => return false,
            Phase::Open => self.heartbeat / 10 * 14,
            _ => CONNECTING,
        };
        now.saturating_sub(link.heard_at) > patience
    }

    /// Queues a frame for a member; it leaves when the loop has done the rest.
    pub(super) fn send(&mut self, at: usize, payload: &[u8]) {
        let [.., a, b, c, d] = self.random.next().to_be_bytes();
        let mask = Some([a, b, c, d]);
        self.write(at, |out| {
            write_frame(out, OpCode::Data(Data::Binary), payload, mask);
        });
    }

    pub(super) fn write(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let member = self.members.get_mut(at);
        let Some(link) = member.and_then(|member| member.link.as_mut()) else {
            return;
        };
        if link.out.is_empty() {
            self.dirty.push(at);
        }
        write(&mut link.out);
    }

    fn flush_all(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for at in dirty.drain(..) {
            self.flush(at);
        }
        self.dirty = dirty;
    }

    pub(super) fn flush(&mut self, at: usize) {
        let member = self.members.get_mut(at);
        let Some(link) = member.and_then(|member| member.link.as_mut()) else {
            return;
        };
        while !link.out.is_empty() {
            match rustix::net::send(&link.socket, &link.out, SendFlags::NOSIGNAL) {
                Ok(sent) if sent == link.out.len() => {
                    // Nothing is kept for connections that rarely write.
                    link.out = Vec::new();
                }
                Ok(sent) => drop(link.out.drain(..sent)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_broken) => {
                    self.on_lost(at, 0);
                    return;
                }
            }
        }
        link.sent_at = clock::now();
        let blocked = !link.out.is_empty();
        if blocked != link.blocked {
            link.blocked = blocked;
            self.set_interest(at);
        }
    }

    /// Tells the kernel what is waited for.
    pub(super) fn set_interest(&mut self, at: usize) {
        let Some(member) = self.members.get(at) else {
            return;
        };
        let Some(link) = &member.link else {
            return;
        };
        let mut flags = EventFlags::empty();
        // A slow reader opens its session like the others.
        let reads = member.slow.is_none() || link.phase != Phase::Open;
        flags.set(EventFlags::IN, reads);
        flags.set(EventFlags::OUT, link.blocked);
        let data = EventData::new_u64(at as u64);
        if epoll::modify(&self.epoll, &link.socket, data, flags).is_err() {
            self.on_lost(at, 0);
        }
    }

    fn on_readiness(&mut self, at: usize, flags: EventFlags) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let slow = member.slow.is_some() && member.is_open();
        let Some(link) = member.link.as_mut() else {
            return;
        };
        if flags.contains(EventFlags::OUT) && link.blocked {
            // Connected at last, or room to write again: the flush finds out.
            self.flush(at);
        }
        let ended = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        if ended || (flags.contains(EventFlags::IN) && !slow) {
            self.read(at, BUFFER);
        }
    }

    /// Reads once: what is left makes the socket ready again.
    fn read(&mut self, at: usize, most: usize) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let Some(link) = member.link.as_mut() else {
            return;
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let kept = link.partial.len();
        if buffer.len() < kept + BUFFER / 2 {
            // A frame larger than the buffer: a long snapshot.
            buffer.resize(kept + BUFFER, 0);
        }
        if let Some(front) = buffer.get_mut(..kept) {
            front.copy_from_slice(&link.partial);
        }
        let end = buffer.len().min(kept.saturating_add(most));
        let space = buffer.get_mut(kept..end).unwrap_or_default();
        let read = rustix::net::recv(link.socket.as_fd(), space, RecvFlags::empty());
        let now = clock::now();
        match read {
            Ok((_, 0)) => self.on_lost(at, 0),
            Ok((_, length)) => {
                link.heard_at = now;
                let bytes = buffer.get(..kept + length).unwrap_or_default();
                self.take_frames(at, bytes, now);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_broken) => self.on_lost(at, 0),
        }
        self.buffer = buffer;
    }

    /// Takes all whole frames, and keeps the rest with the connection.
    fn take_frames(&mut self, at: usize, bytes: &[u8], now: u64) {
        let mut used = 0;
        if self.members.get(at).and_then(VirtualUser::phase) == Some(Phase::Upgrading) {
            match self.on_upgrade(at, bytes, now) {
                Some(length) => used = length,
                None => return self.keep_rest(at, bytes),
            }
        }
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            match read_frame(rest, false) {
                Ok(None) => break self.keep_rest(at, rest),
                Ok(Some(frame)) => {
                    used += frame.payload.end;
                    let payload = rest.get(frame.payload).unwrap_or_default();
                    match frame.opcode {
                        OpCode::Data(_) => self.on_frame(at, payload, now),
                        OpCode::Control(Control::Ping) => self.write(at, |out| {
                            write_frame(out, OpCode::Control(Control::Pong), payload, Some([0; 4]));
                        }),
                        OpCode::Control(Control::Close) => {
                            let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                            return self.on_lost(at, code.unwrap_or_default());
                        }
                        OpCode::Control(_) => {}
                    }
                }
                Err(broken) => {
                    self.note_fault(|| broken.to_string());
                    return self.on_lost(at, 0);
                }
            }
        }
    }

    fn keep_rest(&mut self, at: usize, rest: &[u8]) {
        let member = self.members.get_mut(at);
        let Some(link) = member.and_then(|member| member.link.as_mut()) else {
            return;
        };
        if rest.is_empty() {
            if link.partial.capacity() > 0 {
                link.partial = Vec::new();
            }
        } else {
            link.partial.clear();
            link.partial.extend_from_slice(rest);
        }
    }

    /// Keeps the first fault, in words.
    pub(super) fn note_fault(&mut self, words: impl FnOnce() -> String) {
        if self.tally.fault.is_none() {
            self.tally.fault = Some(words());
        }
    }

    /// Ends all connections; nobody comes back.
    fn disconnect_all(&mut self) {
        self.opening = false;
        self.publishing = None;
        self.paging = None;
        self.queue.clear();
        self.later.clear();
        self.in_progress = 0;
        for member in &mut self.members {
            member.link = None;
            member.resumes = false;
            member.topics.clear();
        }
    }
}

impl Link {
    pub(super) const fn new(socket: OwnedFd, now: u64) -> Self {
        Self {
            socket,
            phase: Phase::Upgrading,
            partial: Vec::new(),
            out: Vec::new(),
            blocked: true,
            sent_at: now,
            heard_at: now,
        }
    }
}
