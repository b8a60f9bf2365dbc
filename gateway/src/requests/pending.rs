//! Who waits for an answer in a task of its own: for chunks of workers, or for the answer of a
//! lane to HTTP. Commands of sockets do not: their answers go to the shard of the connection,
//! which knows them by [`Connection`](crate::connection).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use shared::{
    bus::envelope::{Answer, Chunk},
    domain::limits::MAX_ANSWER_BYTES,
    error::{Reason, Refusal},
};
use tokio::sync::oneshot;

use crate::metrics::Metrics;

/// Everybody who waits for an answer, by ticket. Clones share it.
#[derive(Clone)]
pub struct PendingReplies(Arc<Shared>);

struct Shared {
    /// The next ticket. They are never used again, so an answer that is late finds nobody
    /// instead of somebody else.
    next: AtomicU64,
    waiters: Mutex<HashMap<u64, Waiter, RandomState>>,
    metrics: Metrics,
}

struct Waiter {
    answer: oneshot::Sender<Result<Bytes, Refusal>>,
    /// What is said when the answer may be lost; none while nothing was sent that
    /// could be answered.
    source: Option<AnswerSource>,
    next: u32,
    bytes: Vec<u8>,
}

/// Which link an answer comes on, and so what its loss means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerSource {
    /// That of chunks. Reading changes nothing: it can be asked again.
    Query,
    /// A worker refuses by chunks, a lane answers on its own link; perhaps it was done.
    Forwarded,
    /// That of lanes: perhaps it was done.
    Command,
}

impl AnswerSource {
    /// What is said when no answer comes.
    pub fn refuse_lost(self) -> Refusal {
        match self {
            Self::Query => Reason::Unavailable.into(),
            Self::Forwarded | Self::Command => Reason::Unknown.into(),
        }
    }
}

impl PendingReplies {
    /// Nobody waits yet.
    pub fn new(metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            next: AtomicU64::new(1),
            waiters: Mutex::default(),
            metrics,
        }))
    }

    /// The number of one request, which no other request of this process has.
    pub fn next_ticket(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits for the answer to a request, which is sent afterwards with this ticket.
    pub fn expect_reply(&self) -> PendingReply {
        let (answer, receiver) = oneshot::channel();
        let ticket = self.next_ticket();
        let waiter = Waiter {
            answer,
            source: None,
            next: 0,
            bytes: Vec::new(),
        };
        self.0.waiters.lock().insert(ticket, waiter);
        PendingReply {
            replies: self.clone(),
            ticket,
            receiver,
        }
    }

    /// Waits for the answer of a lane to a command, which is sent at once.
    pub fn expect_lane_reply(&self) -> PendingReply {
        let reply = self.expect_reply();
        self.mark_sent(reply.ticket(), AnswerSource::Command);
        reply
    }

    /// From now on the answer may be lost.
    pub fn mark_sent(&self, ticket: u64, source: AnswerSource) {
        if let Some(waiter) = self.0.waiters.lock().get_mut(&ticket) {
            waiter.source = Some(source);
        }
    }

    /// The answer of a lane: to what was opened by a worker, or asked by HTTP.
    /// `false` when nobody here waits for it.
    pub fn complete_reply(&self, answer: &Answer) -> bool {
        if let Some(waiter) = self.0.waiters.lock().remove(&answer.ticket) {
            drop(
                waiter
                    .answer
                    .send(Ok(Bytes::copy_from_slice(&answer.payload))),
            );
            return true;
        }
        // 0 is no connection, so it can only be for somebody who has gone.
        if answer.connection == 0 {
            self.0.metrics.answers_late_total.inc();
        }
        answer.connection == 0
    }

    /// A piece of an answer.
    pub fn add_chunk(&self, chunk: &Chunk) {
        let mut waiters = self.0.waiters.lock();
        let Some(waiter) = waiters.get_mut(&chunk.ticket) else {
            if chunk.last {
                self.0.metrics.answers_late_total.inc();
            }
            return;
        };
        let fits = waiter.bytes.len() + chunk.bytes.len() <= MAX_ANSWER_BYTES;
        if chunk.index != waiter.next || !fits {
            // A piece was lost: what is left is of no use.
            if let Some(waiter) = waiters.remove(&chunk.ticket) {
                drop(waiter.answer.send(Err(Reason::Unavailable.into())));
            }
            return;
        }
        waiter.next += 1;
        waiter.bytes.extend_from_slice(&chunk.bytes);
        if chunk.last
            && let Some(waiter) = waiters.remove(&chunk.ticket)
        {
            drop(waiter.answer.send(Ok(waiter.bytes.into())));
        }
    }

    /// Chunks may be lost. Who waited for one is told now instead of at the deadline:
    /// a repair is asked again at once, and so is a client's question.
    pub fn lose_chunks(&self) {
        self.refuse_lost(|source| source != AnswerSource::Command);
    }

    /// Answers of lanes may be lost: who waits for one hears `unknown` now.
    pub fn lose_answers(&self) {
        self.refuse_lost(|source| source != AnswerSource::Query);
    }

    fn refuse_lost(&self, concerns: impl Fn(AnswerSource) -> bool) {
        let mut waiters = self.0.waiters.lock();
        for (_, waiter) in waiters.extract_if(|_, waiter| waiter.source.is_some_and(&concerns)) {
            let refusal = waiter
                .source
                .map_or(Reason::Unknown.into(), AnswerSource::refuse_lost);
            drop(waiter.answer.send(Err(refusal)));
        }
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.0.waiters.lock().len()
    }
}

/// Somebody who waits for an answer; dropping it gives up.
pub struct PendingReply {
    replies: PendingReplies,
    ticket: u64,
    receiver: oneshot::Receiver<Result<Bytes, Refusal>>,
}

impl PendingReply {
    /// What the request has to be sent with.
    pub const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// The payload of a reply or refusal frame, or a packed answer to the gateway itself.
    pub async fn wait(mut self) -> Result<Bytes, Refusal> {
        (&mut self.receiver)
            .await
            .unwrap_or_else(|_gone| Err(Reason::Unavailable.into()))
    }
}

impl Drop for PendingReply {
    fn drop(&mut self) {
        self.replies.0.waiters.lock().remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;
    use serde_bytes::ByteBuf;

    use super::*;

    fn replies() -> PendingReplies {
        PendingReplies::new(Metrics::new(&Registry::new()).unwrap())
    }

    fn chunk(ticket: u64, index: u32, last: bool, bytes: &[u8]) -> Chunk {
        Chunk {
            ticket,
            index,
            last,
            bytes: bytes.to_vec(),
        }
    }

    #[tokio::test]
    async fn chunks_are_put_together() {
        let replies = replies();
        let reply = replies.expect_reply();
        replies.add_chunk(&chunk(reply.ticket(), 0, false, b"ab"));
        replies.add_chunk(&chunk(reply.ticket(), 1, true, b"c"));
        assert_eq!(reply.wait().await, Ok(Bytes::from_static(b"abc")));
        assert_eq!(replies.count(), 0);
    }

    #[tokio::test]
    async fn a_missing_or_lost_chunk_ends_the_wait() {
        let replies = replies();
        let reply = replies.expect_reply();
        replies.add_chunk(&chunk(reply.ticket(), 0, false, b"ab"));
        replies.add_chunk(&chunk(reply.ticket(), 2, true, b"c"));
        assert_eq!(reply.wait().await, Err(Reason::Unavailable.into()));
    }

    #[tokio::test]
    async fn a_lost_link_ends_every_wait_that_it_concerns() {
        let replies = replies();
        let unavailable = || Err(Reason::Unavailable.into());
        let unknown = || Err(Reason::Unknown.into());
        let asked = |source| {
            let reply = replies.expect_reply();
            replies.mark_sent(reply.ticket(), source);
            reply
        };
        let (in_line, read) = (replies.expect_reply(), asked(AnswerSource::Query));
        let (forwarded, command) = (asked(AnswerSource::Forwarded), replies.expect_lane_reply());
        replies.lose_chunks();
        // Not a single chunk had come, and still it does not wait for its deadline.
        assert_eq!(read.wait().await, unavailable());
        assert_eq!(forwarded.wait().await, unknown());
        let (read, forwarded) = (asked(AnswerSource::Query), asked(AnswerSource::Forwarded));
        replies.lose_answers();
        assert_eq!(forwarded.wait().await, unknown());
        assert_eq!(command.wait().await, unknown());
        assert_eq!(
            replies.count(),
            2,
            "the one in line, and the one that reads"
        );
        drop((in_line, read));
        assert_eq!(replies.count(), 0);
    }

    #[tokio::test]
    async fn an_answer_that_is_late_finds_nobody() {
        let replies = replies();
        let given_up = replies.expect_reply().ticket();
        let waits = replies.expect_reply();
        assert_ne!(given_up, waits.ticket());
        let answer = |ticket, connection| Answer {
            connection,
            ticket,
            payload: ByteBuf::from(b"x".to_vec()),
        };
        assert!(replies.complete_reply(&answer(given_up, 0)));
        replies.add_chunk(&chunk(given_up, 0, true, b"x"));
        assert_eq!(replies.0.metrics.answers_late_total.get(), 2);
        // That of a command of a connection, for all we know.
        assert!(!replies.complete_reply(&answer(given_up, 3)));
        assert!(replies.complete_reply(&answer(waits.ticket(), 3)));
        assert_eq!(waits.wait().await, Ok(Bytes::from_static(b"x")));
    }
}
