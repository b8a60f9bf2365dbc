//! What the two halves of a connection share: the task that reads and the
//! shard that writes.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use shared::bus::envelope::Caller;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use crate::{dialect::Dialect, limits::connection_limit::ConnectionPermit, metrics::Counted};

/// One connection, seen from both of its halves.
#[derive(Debug)]
pub struct Link {
    /// The gateway's number for it, from 1.
    pub connection: u64,
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
    wake: Notify,
    under_way: Mutex<UnderWay>,
    /// One permit, held while the session is attached to topics: one after the other.
    pub attaching: Semaphore,
    /// Counts it among the connections of its address.
    _permit: ConnectionPermit,
}

/// What a connection waits for: what the client calls each request is known here
/// and nowhere else.
#[derive(Debug, Default)]
struct UnderWay {
    commands: Vec<Pending>,
    /// The client's numbers of its queries.
    queries: Vec<u32>,
}

impl UnderWay {
    /// Two requests under one number could not be told apart by the client.
    fn admit(&self, request: u32, bound: usize) -> Result<(), NotPending> {
        let same = |other: &Pending| other.request == request;
        if self.commands.iter().any(same) || self.queries.contains(&request) {
            Err(NotPending::Duplicate)
        } else if self.len() >= bound {
            Err(NotPending::Full)
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
pub struct Asking {
    link: Arc<Link>,
    request: u32,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut under_way = self.link.lock();
        under_way.queries.retain(|other| *other != self.request);
        under_way.shrink();
    }
}

/// A command that a lane has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The gateway's number for it, which its answer carries.
    pub ticket: u64,
    /// The client's number for it.
    pub request: u32,
    /// Which command: names the form of its reply.
    pub opcode: u16,
    /// When the gateway gives up.
    pub deadline: Instant,
}

/// Why a request cannot be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPending {
    /// The same number is being waited for.
    Duplicate,
    /// The connection waits for as many as it may.
    Full,
}

impl Link {
    /// A connection that was let in.
    pub const fn new(
        connection: u64,
        shard: usize,
        dialect: Dialect,
        address: u64,
        permit: ConnectionPermit,
    ) -> Self {
        Self {
            connection,
            shard,
            dialect,
            deflates: false,
            address,
            opened: OnceLock::new(),
            closing: AtomicBool::new(false),
            wake: Notify::const_new(),
            under_way: Mutex::new(UnderWay {
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
    pub fn open(&self, caller: Caller, counted: Counted) {
        if self.opened.set((caller, counted)).is_ok() {
            self.wake.notify_one();
        }
    }

    /// Whose session it is, once opened.
    pub fn caller(&self) -> Option<&Caller> {
        self.opened.get().map(|(caller, _)| caller)
    }

    /// The close frame is on its way: the reading half takes nothing more.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether [`Link::close`] was called.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Resolves after [`Link::open`] or [`Link::close`]; at once when one of
    /// them was called since the last time.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Notes that a request is on its way; at most `bound` at once.
    pub fn expect(&self, pending: Pending, bound: usize) -> Result<(), NotPending> {
        let mut under_way = self.lock();
        under_way.admit(pending.request, bound)?;
        under_way.commands.push(pending);
        Ok(())
    }

    /// Notes that a query is on its way; at most `bound` at once.
    pub fn ask(self: &Arc<Self>, request: u32, bound: usize) -> Result<Asking, NotPending> {
        let mut under_way = self.lock();
        under_way.admit(request, bound)?;
        under_way.queries.push(request);
        Ok(Asking {
            link: Arc::clone(self),
            request,
        })
    }

    /// Takes a command off the list; `None` when nobody waits for it any more.
    pub fn answered(&self, ticket: u64) -> Option<Pending> {
        let mut under_way = self.lock();
        let commands = &mut under_way.commands;
        let index = commands.iter().position(|other| other.ticket == ticket)?;
        let pending = commands.swap_remove(index);
        under_way.shrink();
        Some(pending)
    }

    /// Takes those off the list whose deadline has passed.
    pub fn expired(&self, now: Instant) -> Vec<Pending> {
        self.lock()
            .commands
            .extract_if(.., |pending| pending.deadline <= now)
            .collect()
    }

    /// Takes all commands off the list.
    pub fn give_up(&self) -> Vec<Pending> {
        std::mem::take(&mut self.lock().commands)
    }

    /// How many requests are on their way.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, UnderWay> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
