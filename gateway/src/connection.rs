//! What the two halves of a connection share: the task that reads and the
//! shard that writes.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::{Mutex, const_mutex};
use shared::{
    bus::envelope::Caller,
    error::{Reason, Refusal},
};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use crate::{dialect::Dialect, limits::connection_limit::ConnectionPermit, metrics::Counted};

/// When to come again with more than a connection may have on its way, in milliseconds.
const RETRY_MS: u64 = 200;

/// One connection, seen from both of its halves.
#[derive(Debug)]
pub struct Connection {
    /// The gateway's number for it, from 1.
    pub id: u64,
    /// Which shard writes to it.
    pub shard: usize,
    /// What it speaks.
    pub dialect: Dialect,
    /// Whether its messages may be compressed.
    pub deflates: bool,
    /// What limits per network address count by.
    pub address: u64,
    opened: OnceLock<(Caller, Counted)>,
    closing: AtomicBool,
    /// Nobody uses the client, as it said last.
    idle: AtomicBool,
    /// It said otherwise than before, and presence has not looked yet.
    idle_changed: AtomicBool,
    wake: Notify,
    pending: Mutex<PendingRequests>,
    /// One permit, held while the session is attached to topics: one after the other.
    pub attaching: Semaphore,
    /// Counts it among the connections of its address.
    _permit: ConnectionPermit,
}

/// What a connection waits for: what the client calls each request is known here
/// and nowhere else.
#[derive(Debug, Default)]
struct PendingRequests {
    commands: Vec<PendingCommand>,
    /// The client's numbers of its queries.
    queries: Vec<u32>,
}

impl PendingRequests {
    /// Two requests under one number could not be told apart by the client.
    fn admit(&self, request: u32, bound: usize) -> Result<(), Refusal> {
        let same = |other: &PendingCommand| other.request == request;
        if self.commands.iter().any(same) || self.queries.contains(&request) {
            Err(Refusal::field(Reason::Malformed, "request"))
        } else if self.len() >= bound {
            Err(Refusal::retry(Reason::Busy, RETRY_MS))
        } else {
            Ok(())
        }
    }

    const fn len(&self) -> usize {
        self.commands.len() + self.queries.len()
    }

    /// An idle session keeps no memory of its busy hours.
    fn shrink(&mut self) {
        if self.len() == 0 && self.commands.capacity() + self.queries.capacity() > 8 {
            *self = Self::default();
        }
    }
}

/// A query that is on its way; dropping it makes room for another one.
#[derive(Debug)]
pub struct PendingQuery {
    connection: Arc<Connection>,
    request: u32,
}

impl Drop for PendingQuery {
    fn drop(&mut self) {
        let mut pending = self.connection.pending.lock();
        pending.queries.retain(|other| *other != self.request);
        pending.shrink();
    }
}

/// A command that a lane has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingCommand {
    /// The gateway's number for it, which its answer carries.
    pub ticket: u64,
    /// The client's number for it.
    pub request: u32,
    /// Which command: names the form of its reply.
    pub opcode: u16,
    /// When the gateway gives up.
    pub deadline: Instant,
}

impl Connection {
    /// A connection that was let in.
    pub const fn new(
        id: u64,
        shard: usize,
        dialect: Dialect,
        address: u64,
        permit: ConnectionPermit,
    ) -> Self {
        Self {
            id,
            shard,
            dialect,
            deflates: false,
            address,
            opened: OnceLock::new(),
            closing: AtomicBool::new(false),
            idle: AtomicBool::new(false),
            idle_changed: AtomicBool::new(false),
            wake: Notify::const_new(),
            pending: const_mutex(PendingRequests {
                commands: Vec::new(),
                queries: Vec::new(),
            }),
            attaching: Semaphore::const_new(1),
            _permit: permit,
        }
    }

    /// The same, with compression where it was agreed on.
    #[must_use]
    pub fn deflating(mut self, deflates: bool) -> Self {
        self.deflates = deflates;
        self
    }

    /// The session was opened: the reading half takes commands from now on.
    pub fn open_session(&self, caller: Caller, counted: Counted) {
        if self.opened.set((caller, counted)).is_ok() {
            self.wake.notify_one();
        }
    }

    /// Whose session it is, once opened.
    pub fn caller(&self) -> Option<&Caller> {
        self.opened.get().map(|(caller, _)| caller)
    }

    /// The client says whether nobody uses it; answers whether presence is to look at that. Until it
    /// has, it is not told again, however often a client changes its mind.
    pub fn set_idle(&self, idle: bool) -> bool {
        self.idle.swap(idle, Ordering::AcqRel) != idle
            && !self.idle_changed.swap(true, Ordering::AcqRel)
    }

    /// Presence looks whether nobody uses the client.
    pub fn take_idle(&self) -> bool {
        self.idle_changed.swap(false, Ordering::AcqRel);
        self.idle.load(Ordering::Acquire)
    }

    /// The close frame is on its way: the reading half takes nothing more.
    pub fn mark_closing(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether [`Connection::mark_closing`] was called.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Resolves after [`Connection::open_session`] or [`Connection::mark_closing`]; at once
    /// when one of them was called since the last time.
    pub async fn wait_for_change(&self) {
        self.wake.notified().await;
    }

    /// Notes that a request is on its way; at most `bound` at once.
    pub fn add_command(&self, command: PendingCommand, bound: usize) -> Result<(), Refusal> {
        let mut pending = self.pending.lock();
        pending.admit(command.request, bound)?;
        pending.commands.push(command);
        Ok(())
    }

    /// Notes that a query is on its way; at most `bound` at once.
    pub fn add_query(
        self: &Arc<Self>,
        request: u32,
        bound: usize,
    ) -> Result<PendingQuery, Refusal> {
        let mut pending = self.pending.lock();
        pending.admit(request, bound)?;
        pending.queries.push(request);
        Ok(PendingQuery {
            connection: Arc::clone(self),
            request,
        })
    }

    /// Takes a command off the list; `None` when nobody waits for it any more.
    pub fn take_command(&self, ticket: u64) -> Option<PendingCommand> {
        let mut pending = self.pending.lock();
        let commands = &mut pending.commands;
        let index = commands.iter().position(|other| other.ticket == ticket)?;
        let command = commands.swap_remove(index);
        pending.shrink();
        Some(command)
    }

    /// Takes those off the list whose deadline has passed.
    pub fn take_expired(&self, now: Instant) -> Vec<PendingCommand> {
        self.pending
            .lock()
            .commands
            .extract_if(.., |pending| pending.deadline <= now)
            .collect()
    }

    /// Takes all commands off the list.
    pub fn take_commands(&self) -> Vec<PendingCommand> {
        std::mem::take(&mut self.pending.lock().commands)
    }

    /// How many requests are on their way.
    pub fn count_pending(&self) -> usize {
        self.pending.lock().len()
    }
}
