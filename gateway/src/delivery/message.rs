//! What a shard is told.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use shared::{
    bus::envelope::Answer,
    close::CloseCode,
    frame::{WebSocketKind, websocket},
    ids::{ChannelId, UserId},
    protocol::{control, presence::PresenceState},
};
use tokio::{sync::oneshot, time::Instant};

use super::event::Event;
use crate::{connection::Connection, transport::WriteHalf};

/// What a shard is told. One queue per shard, so that everything happens there
/// in the order in which the fan-out decided it.
pub enum ToShard<S = WriteHalf> {
    /// A connection was made.
    Add(Arc<Connection>, S),
    /// Frames for one connection.
    Send(u64, Vec<Bytes>),
    /// The answer of a query for one connection, with the opcode of its request.
    Reply {
        /// The connection.
        connection_id: u64,
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
    /// A second is over: accounts look otherwise now, or none does.
    Presence(Arc<PresenceChanges>),
    /// A connection watches accounts of a server from now on; it gets its reply with that.
    Watch(Box<NewWatch>),
    /// An account (second) is a member of a server (first) no longer.
    Unwatch(u64, u64),
    /// Closes everyone who belongs to a topic.
    CloseTopic(u64, Close),
    /// Closes a connection.
    Close(u64, Close),
    /// The reading half of a connection has ended.
    Remove(u64),
    /// The gateway is about to stop.
    Drain(Duration),
    /// So many are to go elsewhere within this time, as the gateway has more than others.
    Relieve(usize, Duration),
}

/// How a session belongs to a topic.
#[derive(Debug, Clone)]
pub struct Join {
    /// The connection.
    pub connection_id: u64,
    /// The server or the account.
    pub topic: u64,
    /// The topic's place in the fan-out.
    pub position: u64,
    /// Whether it needs no replay.
    pub released: bool,
    /// Its group.
    pub group: GroupKey,
    /// What the group sees.
    pub visibility: Visibility,
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

/// Names a group of a topic. A number is never used twice while a structure is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupId(pub u32);

/// The channels that a group sees, sorted.
pub type Channels = Arc<[ChannelId]>;

/// What a group of connections sees of a topic.
#[derive(Debug, Clone)]
pub enum Visibility {
    /// Everything: an account's own topic.
    All,
    /// These channels.
    Channels(Channels),
}

impl Visibility {
    /// Whether an event that concerns this channel is seen. What concerns no
    /// channel is for every member.
    pub fn sees(&self, channel: Option<ChannelId>) -> bool {
        match (self, channel) {
            (Self::All, _) | (_, None) => true,
            (Self::Channels(channels), Some(channel)) => channels.binary_search(&channel).is_ok(),
        }
    }
}

/// Names a group within a topic; none for the account's own topic.
pub type GroupKey = Option<GroupId>;

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The gateway ends it.
    Code(CloseCode),
    /// Its stream cannot go on without a hole: the topic, and in how many milliseconds to
    /// resume.
    OutOfSync(u64, u64),
    /// The client ended it with this code.
    Echo(Option<u16>),
}

impl Close {
    /// The label of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code(code) => code.name(),
            Self::OutOfSync(..) => CloseCode::OutOfSync.name(),
            Self::Echo(_) => "Client",
        }
    }

    /// The frame that says so.
    pub fn frame(self) -> Bytes {
        let (code, name) = match self {
            Self::Code(code) => (code.code(), code.name().to_owned()),
            Self::OutOfSync(topic, delay_ms) => {
                let name = CloseCode::OutOfSync.name();
                let text = format!("{name} retry_after={delay_ms} topic={topic}");
                (CloseCode::OutOfSync.code(), text)
            }
            Self::Echo(Some(code)) => (code, String::new()),
            Self::Echo(None) => return websocket(WebSocketKind::Close, &[]).into(),
        };
        let payload = [&code.to_be_bytes()[..], name.as_bytes()].concat();
        websocket(WebSocketKind::Close, &payload).into()
    }
}

/// Accounts that may look otherwise now, anywhere in the cluster: who knows it is not told.
#[derive(Debug)]
pub struct PresenceChanges {
    /// Each with its state.
    pub changes: Vec<(UserId, PresenceState)>,
    /// When that was found.
    pub at: Instant,
}

/// A connection is to watch accounts of a server from now on.
#[derive(Debug)]
pub struct NewWatch {
    /// The connection.
    pub connection_id: u64,
    /// The server.
    pub server: u64,
    /// The request's opcode.
    pub opcode: u16,
    /// The client's number for it.
    pub request: u32,
    /// The payload of the reply, in MessagePack.
    pub payload: Bytes,
    /// Whether it is known who left the server meanwhile, and what may have to be corrected.
    pub complete: bool,
    /// The accounts, each as the reply says that it looks; none ends the watch.
    pub accounts: Vec<(u64, PresenceState)>,
}
