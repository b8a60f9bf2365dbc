//! What the two halves of a connection share: the task that reads and the
//! shard that writes.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use shared::bus::envelope::Caller;
use tokio::{sync::Notify, time::Instant};

use crate::{dialect::Dialect, places::Place};

/// One connection, seen from both of its halves.
#[derive(Debug)]
pub struct Link {
    /// The gateway's number for it, from 1.
    pub connection: u64,
    /// Which shard writes to it.
    pub shard: usize,
    /// What it speaks.
    pub dialect: Dialect,
    /// What limits per network address count by.
    pub address: u64,
    caller: OnceLock<Caller>,
    closing: AtomicBool,
    wake: Notify,
    pending: Mutex<Vec<Pending>>,
    queries: AtomicUsize,
    place: Place,
}

/// A query that is on its way; dropping it makes room for another one.
#[derive(Debug)]
pub struct Asking(Arc<Link>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.queries.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A command that a lane has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Pairs the answer with the request.
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
    /// A connection at a place of the house.
    pub const fn new(
        connection: u64,
        shard: usize,
        dialect: Dialect,
        address: u64,
        place: Place,
    ) -> Self {
        Self {
            connection,
            shard,
            dialect,
            address,
            caller: OnceLock::new(),
            closing: AtomicBool::new(false),
            wake: Notify::const_new(),
            pending: Mutex::new(Vec::new()),
            queries: AtomicUsize::new(0),
            place,
        }
    }

    /// The session was opened: the reading half takes commands from now on.
    pub fn open(&self, caller: Caller) {
        if self.caller.set(caller).is_ok() {
            self.wake.notify_one();
        }
    }

    /// Whose session it is, once opened.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.get()
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
        let mut list = self.lock();
        if list.iter().any(|other| other.request == pending.request) {
            Err(NotPending::Duplicate)
        } else if list.len() >= bound {
            Err(NotPending::Full)
        } else {
            list.push(pending);
            Ok(())
        }
    }

    /// Notes that a query is on its way; at most `bound` at once.
    pub fn ask(self: &Arc<Self>, request: u32, bound: usize) -> Result<Asking, NotPending> {
        if self.lock().iter().any(|other| other.request == request) {
            return Err(NotPending::Duplicate);
        }
        let before = self.queries.fetch_add(1, Ordering::Relaxed);
        let asking = Asking(Arc::clone(self));
        if before >= bound {
            Err(NotPending::Full)
        } else {
            Ok(asking)
        }
    }

    /// Takes a request off the list; `None` when nobody waits for it any more.
    pub fn answered(&self, request: u32) -> Option<Pending> {
        let mut list = self.lock();
        let index = list.iter().position(|other| other.request == request)?;
        let pending = list.swap_remove(index);
        if list.is_empty() && list.capacity() > 8 {
            // An idle session keeps no memory of its busy hours.
            *list = Vec::new();
        }
        Some(pending)
    }

    /// Takes those off the list whose deadline has passed.
    pub fn expired(&self, now: Instant) -> Vec<Pending> {
        self.lock()
            .extract_if(.., |pending| pending.deadline <= now)
            .collect()
    }

    /// How many requests are on their way.
    pub fn waiting(&self) -> usize {
        self.lock().len() + self.queries.load(Ordering::Relaxed)
    }

    /// Where it stands among the connections of its address.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
