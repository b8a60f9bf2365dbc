//! What sessions tell the fan-out, and what comes back of what it asked for.

use std::sync::Arc;

use shared::{
    bus::envelope::{Caller, OpenStructure},
    domain::permissions::{Standing, Structure},
    error::Refusal,
    protocol::control::TopicSeq,
};
use tokio::sync::oneshot;

use crate::{connection::Connection, requests::gateway_queries::LogPage};

/// What sessions tell the fan-out.
pub enum ToFanout {
    /// A session belongs to topics; answered once all of them have come as far
    /// as the session's snapshot, or after a while without the servers that did not;
    /// not answered when the account's own topic did not.
    Attach(Attach, oneshot::Sender<Vec<Attached>>),
    /// A session no longer belongs to a topic.
    Leave(Arc<Connection>, u64),
    /// The replay of a session is finished: passed on to its shard, behind everything
    /// that was decided before. `false` when it has to join anew.
    Release(Arc<Connection>, u64, oneshot::Sender<bool>),
    /// A connection has ended.
    Detach(Arc<Connection>),
}

/// A session that is to get the events of topics.
#[derive(Debug, Clone)]
pub struct Attach {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Whose session it is.
    pub caller: Caller,
    /// Names the log of the session's snapshot; none for a topic that comes later.
    pub epoch: Option<u64>,
    /// The topics.
    pub topics: Vec<AttachTopic>,
}

/// A topic of an [`Attach`].
#[derive(Debug, Clone)]
pub struct AttachTopic {
    /// The server or the account.
    pub topic: u64,
    /// The head in the snapshot that the standing is from.
    pub head: u64,
    /// What the session has already: everything up to here.
    pub place: u64,
    /// How it stands in a server; an account sees all of its own topic.
    pub standing: Option<Standing>,
    /// Why it is attached.
    pub cause: Cause,
}

/// Why a session is attached to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The session opens.
    Open,
    /// Its account became a member: events wait until the session was told so.
    Join,
    /// It was attached before, and more came meanwhile than could wait.
    Again,
}

/// How a session was attached to a topic.
#[derive(Debug, Clone)]
pub enum Attached {
    /// It gets everything behind this place.
    At {
        /// The place.
        position: u64,
        /// Of a server, what decides who sees what as of the place.
        rights: Option<Rights>,
    },
    /// It was attached already, in the same membership.
    Already,
    /// It was not: its standing changed since the snapshot.
    Stale,
    /// It was not: the topic did not come as far as the snapshot in time.
    Late,
}

/// What decides who sees what, as of a place.
#[derive(Debug, Clone)]
pub struct Rights {
    /// The structure.
    pub structure: Arc<Structure>,
    /// The last event that changed it.
    pub version: u64,
}

/// The answer to something that was fetched.
pub enum Fetched {
    /// The bus has these subscriptions.
    Subscribed(Vec<u64>),
    /// A repair.
    Repaired {
        /// The topic.
        topic: u64,
        /// The last event known when it was asked for.
        after: u64,
        /// What the log holds.
        answer: Result<LogPage, Refusal>,
    },
    /// Heads.
    Heads(
        Vec<(u64, u64)>,
        Result<(u64, Vec<TopicSeq>), Refusal>,
        Vec<TopicSeq>,
    ),
    /// Structures, with the topics that were asked for.
    Structures(Vec<u64>, Result<(u64, Vec<OpenStructure>), Refusal>),
}
