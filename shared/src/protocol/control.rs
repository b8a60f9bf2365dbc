//! The bodies of the session's own control frames, see [`crate::frame::opcode`].

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use crate::{
    ids::{ChannelId, SessionId},
    protocol::{Codec, server::Server, user::User},
};

/// The first frame of a gateway (opcode 3).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Hello {
    /// The gateway's name, for reports of faults.
    pub node: String,
    /// How often the client must send a heartbeat, in milliseconds.
    pub heartbeat_ms: u64,
    /// The largest frame that the gateway reads, in bytes.
    pub max_frame_bytes: u64,
}

/// Opens a session (opcode 4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Identify {
    /// The token that signing in answered with; empty where it is in the cookie of a page.
    pub token: String,
}

/// Opens a session and replays what was missed (opcode 5).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Resume {
    /// The token that signing in answered with; empty where it is in the cookie of a page.
    pub token: String,
    /// The log that the places belong to, as `ready` named it.
    pub epoch: String,
    /// The last event seen of each topic.
    pub topics: Vec<TopicSeq>,
}

/// A place in a topic. A topic's number is the id of its server, or of the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct TopicSeq {
    /// The server or the account.
    #[serde(with = "crate::ids::any_id")]
    pub topic: u64,
    /// Everything up to this event was seen.
    pub seq: u64,
}

/// The session is open (opcode 6).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Ready {
    /// The session.
    pub session_id: SessionId,
    /// Who signed in.
    pub user: User,
    /// Names the event log; places of another log mean nothing in this one.
    pub epoch: String,
    /// The servers that the account is a member of.
    pub servers: Vec<Server>,
    /// Where the stream of each topic begins: what is fetched after this
    /// frame holds everything up to here. A topic that is replayed begins
    /// at the place that the client named.
    pub topics: Vec<TopicSeq>,
    /// The account's register version: a client that has a lower one asks for
    /// what is newer, and one that has a higher one for everything.
    #[serde(default)]
    pub registers: u64,
    /// When the gateway said this, in milliseconds since 1970: a client counts down by the clock
    /// of the cluster, as its own may be wrong. 0 from a gateway that does not say it.
    #[serde(default)]
    pub sent_at: u64,
    /// Whether there are keys for web push, as of when the session opened; a gateway that does not know says no.
    #[serde(default)]
    pub push: bool,
}

/// Still there (opcode 7); the gateway answers with the same number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Heartbeat {
    /// Any number.
    pub number: u64,
    /// Whether nobody uses this device now; none changes nothing. An account looks idle where
    /// all of its sessions say so.
    #[serde(default)]
    pub idle: Option<bool>,
}

/// The client has everything up to here that it may see (opcode 8).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Cursor {
    /// The places.
    pub topics: Vec<TopicSeq>,
}

/// The gateway is about to stop, or others have fewer connections: connect elsewhere (opcode 9).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Reconnect {
    /// Wait this many milliseconds first, so that not everyone comes at once.
    pub delay_ms: u64,
}

/// The topic cannot be continued (opcode 10): fetch its state again. Live
/// events follow from here on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Gap {
    /// The topic.
    #[serde(with = "crate::ids::any_id")]
    pub topic: u64,
    /// Where its stream goes on.
    pub seq: u64,
}

/// What this session sees of a server is another from an event on (opcode 11).
/// The client has everything up to there that it may see: this is a cursor, too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Sight {
    /// The server's topic.
    #[serde(with = "crate::ids::any_id")]
    pub topic: u64,
    /// The event that changed it.
    pub seq: u64,
    /// Channels that are seen now: fetch them. What was said in them before
    /// does not come as events.
    pub shown: Vec<ChannelId>,
    /// Channels that are no longer seen, or are gone: drop them.
    pub hidden: Vec<ChannelId>,
}

/// The account's registers were changed up to here (opcode 12). A client that
/// was not told of each change asks for what is newer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Registers {
    /// The account's register version.
    pub version: u64,
}

/// Every control frame, for the reference: opcode, name, who sends it, and the body.
pub const FRAMES: &[(u16, &str, &str, Codec)] = {
    use crate::frame::opcode as op;
    &[
        (op::HELLO, "hello", "gateway", Codec::of::<Hello>()),
        (op::IDENTIFY, "identify", "client", Codec::of::<Identify>()),
        (op::RESUME, "resume", "client", Codec::of::<Resume>()),
        (op::READY, "ready", "gateway", Codec::of::<Ready>()),
        (op::HEARTBEAT, "heartbeat", "both", Codec::of::<Heartbeat>()),
        (op::CURSOR, "cursor", "gateway", Codec::of::<Cursor>()),
        (
            op::RECONNECT,
            "reconnect",
            "gateway",
            Codec::of::<Reconnect>(),
        ),
        (op::GAP, "gap", "gateway", Codec::of::<Gap>()),
        (op::SIGHT, "sight", "gateway", Codec::of::<Sight>()),
        (
            op::REGISTERS,
            "registers",
            "gateway",
            Codec::of::<Registers>(),
        ),
    ]
};
