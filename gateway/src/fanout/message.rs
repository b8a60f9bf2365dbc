//! What the fan-out tells the shards, and what sessions tell the fan-out.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::envelope::{Answer, Caller},
    domain::permissions::{Standing, Structure},
    protocol::control,
};
use tokio::sync::oneshot;

use super::views::{Channels, GroupId};
use crate::{
    connection::Link,
    delivery::{
        event::Event,
        sockets::Close,
        topics::{GroupKey, Sight},
    },
    transport::WriteHalf,
};

/// What a shard is told. One queue per shard, so that everything happens there
/// in the order in which the fan-out decided it.
pub enum ToShard<S = WriteHalf> {
    /// A connection was made.
    Add(Arc<Link>, S),
    /// Frames for one connection.
    Send(u64, Vec<Bytes>),
    /// The answer of a query for one connection, with the opcode of its request.
    Reply {
        /// The connection.
        connection: u64,
        /// The request's opcode.
        opcode: u16,
        /// The client's number for it.
        request: u32,
        /// The payload of the frame, in MessagePack.
        payload: Bytes,
    },
    /// Frames for one connection, and word when most of them were written.
    Replay(u64, Vec<Bytes>, oneshot::Sender<()>),
    /// The answers of lanes.
    Answers(Vec<Answer>),
    /// Answers of lanes may be lost: nobody knows what became of what is under way.
    AnswersLost,
    /// Events, in order.
    Events(Vec<Arc<Event>>),
    /// A session belongs to a topic.
    Join(Join),
    /// The replay of a session is finished; `false` when it has to join anew.
    Release(u64, u64, oneshot::Sender<bool>),
    /// A session (first) no longer belongs to a topic (second). Whether it still
    /// gets what waits for the end of its replay.
    Leave(u64, u64, bool),
    /// Rights changed.
    Rights(Arc<RightsChange>),
    /// A topic (first) goes on at a place (second).
    Gap(u64, u64),
    /// The registers of an account (first) were changed up to a version (second).
    Registers(u64, u64),
    /// Closes everyone who belongs to a topic.
    CloseTopic(u64, Close),
    /// Closes a connection.
    Close(u64, Close),
    /// The reading half of a connection has ended.
    Remove(u64),
    /// The gateway is about to stop.
    Drain(std::time::Duration),
}

/// How a session belongs to a topic.
#[derive(Debug, Clone)]
pub struct Join {
    /// The connection.
    pub connection: u64,
    /// The server or the account.
    pub topic: u64,
    /// The topic's place in the fan-out.
    pub position: u64,
    /// Whether it needs no replay.
    pub released: bool,
    /// Its group.
    pub group: GroupKey,
    /// What the group sees.
    pub sight: Sight,
}

/// An event that changes who sees what, and everything that follows from it.
#[derive(Debug)]
pub struct RightsChange {
    /// The server.
    pub topic: u64,
    /// The event itself; none where the topic goes on elsewhere in its log.
    pub event: Option<RightsEvent>,
    /// Groups that see something else now.
    pub groups: Vec<(GroupId, Channels, Option<Arc<Notice>>)>,
    /// Connections that belong to another group now.
    pub moved: Vec<Move>,
}

/// A connection that belongs to another group now, what that sees, and what the session is told.
pub type Move = (u64, GroupId, Channels, Option<Arc<Notice>>);

/// The event of a [`RightsChange`].
#[derive(Debug)]
pub struct RightsEvent {
    /// The event.
    pub event: Arc<Event>,
    /// Whether those get it who saw its channel before it: the channel is gone
    /// with it. All others are for those who see it afterwards.
    pub before: bool,
}

/// Tells a session what it sees now.
pub type Notice = control::Sight;

/// What sessions tell the fan-out.
pub enum ToFanout {
    /// A session belongs to topics; answered once all of them have come as far
    /// as the session's snapshot, or after a while without the servers that did not;
    /// not answered when the account's own topic did not.
    Attach(Attach, oneshot::Sender<Vec<Attached>>),
    /// A session no longer belongs to a topic.
    Leave(Arc<Link>, u64),
    /// The replay of a session is finished: passed on to its shard, behind everything
    /// that was decided before. `false` when it has to join anew.
    Release(Arc<Link>, u64, oneshot::Sender<bool>),
    /// A connection has ended.
    Detach(Arc<Link>),
}

/// A session that is to get the events of topics.
#[derive(Debug, Clone)]
pub struct Attach {
    /// The connection.
    pub link: Arc<Link>,
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
