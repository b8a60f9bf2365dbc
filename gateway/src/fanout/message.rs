//! What the fan-out tells the shards, and what sessions tell the fan-out.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::envelope::{Answer, Caller},
    domain::permissions::{View, ViewId},
};
use tokio::sync::oneshot;

use crate::{
    event::Event,
    session::link::Link,
    shard::{
        topics::{GroupKey, Sight},
        writers::Close,
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
    Views(ViewChange),
    /// A topic (first) goes on at a place (second).
    Gap(u64, u64),
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
    /// What the session has already.
    pub after: u64,
    /// Whether it needs no replay.
    pub released: bool,
    /// Its view.
    pub group: GroupKey,
    /// What the view shows, when the fan-out knows it better than the shard.
    pub sight: Option<Sight>,
}

/// How views changed.
#[derive(Debug, Clone)]
pub struct ViewChange {
    /// The server.
    pub topic: u64,
    /// Connections that have another view now.
    pub moved: Vec<(u64, ViewId)>,
    /// What views show now.
    pub views: Vec<(ViewId, Sight)>,
}

/// What sessions tell the fan-out.
pub enum ToFanout {
    /// A session belongs to topics; answered with the place of each.
    Attach(Attach, oneshot::Sender<Vec<u64>>),
    /// A session no longer belongs to a topic.
    Leave(Arc<Link>, u64),
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
    /// The topics.
    pub topics: Vec<AttachTopic>,
}

/// A topic of an [`Attach`].
#[derive(Debug, Clone)]
pub struct AttachTopic {
    /// The server or the account.
    pub topic: u64,
    /// The head in the snapshot that the view is from.
    pub head: u64,
    /// What the session has already: everything up to here.
    pub place: u64,
    /// What it sees of a server; an account sees all of its own topic.
    pub view: Option<(ViewId, Arc<View>)>,
}
