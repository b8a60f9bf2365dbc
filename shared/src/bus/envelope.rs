//! What travels on the bus, besides bodies.
//!
//! Structs are MessagePack maps with field names: old and new programs run side
//! by side during a deployment, and names let each skip what it does not know.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        permissions::{Standing, Structure},
        rights::Change,
    },
    ids::{Partition, ServerId, SessionId, UserId},
    protocol::{control::TopicSeq, presence::StatusKind, server::Server, user::User},
};

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The account.
    pub user: UserId,
    /// Its session.
    pub session: SessionId,
    /// What the account is.
    #[serde(default)]
    pub kind: CallerKind,
}

/// What acts in an account. A program that does not know a kind refuses what it sends
/// as garbled: nobody is ever taken for a person by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum CallerKind {
    /// Somebody, with or without a password.
    #[default]
    Person,
    /// A program with an account of its own.
    Bot,
    /// A door for messages into one channel.
    Webhook,
}

/// A request on its way to a lane or to any worker.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The gateway that waits for the answer; empty when nobody does.
    pub node: String,
    /// The gateway's number for the connection; 0 for the gateway itself.
    pub connection: u64,
    /// Pairs the answer with the request: a number of the gateway's own, which no other
    /// request of this incarnation has. What the client calls its request never leaves
    /// the gateway.
    pub ticket: u64,
    /// Who asks, if signed in.
    #[serde(default)]
    pub caller: Option<Caller>,
    /// Which command.
    pub opcode: u16,
    /// The server, or 0.
    pub scope: u64,
    /// The encoded body, perhaps [sealed](super::sealed).
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// Whether the body is sealed with a key of the cluster, as it is on its way.
    #[serde(default)]
    pub sealed: bool,
    /// How long the gateway waits for the answer, in milliseconds; 0 is for ever. No
    /// point in time, as no two clocks are the same.
    #[serde(default)]
    pub patience_ms: u64,
    /// What limits per network address count by: a hash, never the address.
    #[serde(default)]
    pub address: u64,
    /// The W3C trace parent.
    #[serde(default)]
    pub trace: Option<String>,
    /// When the gateway asked, by its own clock, in milliseconds since 1970: nobody serves what
    /// is [older than anything under way](Self::is_old).
    #[serde(default)]
    pub asked_at_ms: u64,
}

/// Without the body, which may hold a password or a token.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("node", &self.node)
            .field("connection", &self.connection)
            .field("ticket", &self.ticket)
            .field("caller", &self.caller)
            .field("opcode", &self.opcode)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// The answer of a lane. Travels in batches on the topic of the gateway, [sealed](super::sealed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The gateway's number for the connection: leads to its shard.
    pub connection: u64,
    /// The [`Entry::ticket`].
    pub ticket: u64,
    /// The payload of a reply or refusal frame, numbered 0: the gateway puts the
    /// client's number in.
    pub payload: ByteBuf,
}

/// A piece of the answer of a query: at most [`CHUNK_BYTES`], so that a large
/// answer never fills a gateway's output buffer at Redis. Travels [sealed](super::sealed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The [`Entry::ticket`].
    pub ticket: u64,
    /// Its place, from 0.
    pub index: u32,
    /// Whether it is the last one.
    pub last: bool,
    /// The bytes: together, the payload of a reply or refusal frame, numbered 0, or for
    /// the gateway's own queries a [`NodeAnswer`].
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// The largest [`Chunk`].
pub const CHUNK_BYTES: usize = 64 * 1024;

/// What is published on the topic of a server or an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Names the log that the events belong to, see [`epoch_number`]: places of
    /// another log mean nothing in it.
    pub epoch: u64,
    /// The head of the topic, so that a gateway which missed the last event of a
    /// quiet topic finds out.
    pub head: u64,
    /// The events, in their order; none when only the head is told.
    pub events: Vec<Envelope>,
    /// On an account's topic: its register version, when the head is told and a
    /// register was changed; 0 otherwise.
    #[serde(default)]
    pub registers: u64,
}

/// An event on its way to the gateways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The server or the account.
    pub topic: u64,
    /// Its place in the topic, from 1 without holes; 0 when it is not stored.
    pub seq: u64,
    /// Of what is not stored: the event that it came after. A session that has not seen
    /// that one may judge by rights that are gone, and passes this one over.
    #[serde(default)]
    pub after: u64,
    /// The channel that it concerns: only who sees it gets it.
    #[serde(default)]
    pub visibility: Option<u64>,
    /// Only these accounts get it, of those who see it; none for all of them.
    #[serde(default)]
    pub audience: Option<Vec<u64>>,
    /// Of what is not stored: a newer frame with the same key replaces this one
    /// where it still waits.
    #[serde(default)]
    pub key: Option<u64>,
    /// What the gateway itself must do: a packed [`Effect`].
    #[serde(default)]
    pub effect: Option<ByteBuf>,
    /// Which event.
    pub opcode: u16,
    /// The encoded body.
    pub body: Bytes,
    /// The W3C trace parent.
    #[serde(default)]
    pub trace: Option<String>,
}

impl Envelope {
    /// What the gateway itself must do.
    pub fn effect(&self) -> Option<Effect> {
        self.effect.as_ref().map(|bytes| Effect::read(bytes))
    }
}

/// What a gateway must do about an event, without decoding its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// On a server's topic: what decides who sees what, or who belongs to it, is
    /// another one from this event on.
    Rights {
        /// The last event before that changed the structure: where it is not the
        /// one that the gateway knows, a change is missing.
        follows: u64,
        /// What changed, in order.
        changes: Vec<Change>,
    },
    /// On an account's topic: its sessions now belong to the server's topic.
    Joined {
        /// The server.
        server: ServerId,
        /// The event of its topic that the membership began with: the stream
        /// begins behind it, so that nothing said since is missed.
        since: u64,
    },
    /// On an account's topic: the session ended; close its sockets.
    Revoked {
        /// The session.
        session: SessionId,
    },
    /// On an account's topic: the account set its status.
    Status(AccountStatus),
    /// Something that this version does not know.
    #[serde(skip)]
    Unknown,
}

impl Effect {
    /// Reads a packed effect; what cannot be read is [`Effect::Unknown`].
    pub fn read(bytes: &[u8]) -> Self {
        unpack(bytes).unwrap_or(Self::Unknown)
    }
}

/// What decides how an account with sessions looks to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccountStatus {
    /// What it wants to be shown as.
    pub status: StatusKind,
    /// When it goes back to online, in milliseconds since 1970.
    pub until: Option<u64>,
    /// Rises with each change; 0 before the first one.
    pub version: u64,
}

/// The name of a log as a number, as envelopes and beats carry it; never 0.
pub fn epoch_number(name: &str) -> u64 {
    let hash = Sha256::digest(name.as_bytes());
    let number = hash
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte));
    number.max(1)
}

/// What a lane tells all gateways each second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Names the log that the lane writes, see [`epoch_number`].
    pub epoch: u64,
    /// One for each partition that the lane owns.
    pub partitions: Vec<PartitionBeat>,
}

/// One partition in a [`Beat`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionBeat {
    /// The partition.
    pub partition: Partition,
    /// Rises with each takeover.
    pub term: u64,
    /// Rises by one with each beat of the term, from 1.
    pub number: u64,
    /// How many entries wait in its stream.
    pub backlog: u64,
}

/// What a gateway asks for itself, as the body of an [`Entry`] with opcode 0.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeQuery {
    /// Opens a session.
    Open {
        /// The client's token.
        token: String,
        /// What the client saw last, when it resumes: the epoch and its places.
        resume: Option<(String, Vec<TopicSeq>)>,
    },
    /// Whose session a token opens, for one HTTP request.
    Identify {
        /// The client's token.
        token: String,
    },
    /// How one account sees one server, after joining it.
    Topic {
        /// The account.
        user: UserId,
        /// The server.
        server: ServerId,
    },
    /// The next events of a topic.
    Events {
        /// The server or the account.
        topic: u64,
        /// The last event known.
        after: u64,
        /// About the most bytes to answer; one event is answered at least.
        bytes: u32,
    },
    /// The heads of topics, to find those that moved.
    Heads {
        /// The topics.
        topics: Vec<u64>,
    },
    /// What decides who sees what of servers.
    Structures {
        /// The servers, each with the members whose standing is asked for.
        servers: Vec<(ServerId, Vec<UserId>)>,
    },
    /// The changes of rights within a part of a topic.
    Changes {
        /// The server.
        topic: u64,
        /// Those behind this event,
        after: u64,
        /// and up to this one.
        until: u64,
    },
}

/// Without what is in it: some hold a token.
impl fmt::Debug for NodeQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open { .. } => "Open",
            Self::Identify { .. } => "Identify",
            Self::Topic { .. } => "Topic",
            Self::Events { .. } => "Events",
            Self::Heads { .. } => "Heads",
            Self::Structures { .. } => "Structures",
            Self::Changes { .. } => "Changes",
        })
    }
}

/// The answer to a [`NodeQuery`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeAnswer {
    /// To `Open`.
    Opened(Opened),
    /// To `Identify`.
    Identified(Caller),
    /// The token opens nothing.
    Unauthenticated,
    /// To `Topic`; none when the account is no member.
    Topic(Option<OpenTopic>),
    /// To `Events`.
    Events {
        /// The events after the given one, dense, oldest first.
        events: Vec<Envelope>,
        /// The head of the topic in the same snapshot.
        head: u64,
        /// The log no longer holds the event after the given one.
        too_old: bool,
    },
    /// To `Heads`: those that exist.
    Heads {
        /// Names the log, see [`epoch_number`].
        epoch: u64,
        /// The heads.
        topics: Vec<TopicSeq>,
        /// The register versions of those that are accounts and have registers.
        #[serde(default)]
        registers: Vec<TopicSeq>,
    },
    /// To `Structures`: those of servers that exist.
    Structures {
        /// Names the log, see [`epoch_number`].
        epoch: u64,
        /// The structures.
        servers: Vec<OpenStructure>,
    },
    /// To `Changes`: the packed effects with their places, oldest first; none
    /// when there are more than anyone can look at.
    Changes(Option<Vec<(u64, ByteBuf)>>),
    /// It could not be answered; the worker's log has the cause.
    Failed,
}

/// A session, ready to be opened: one snapshot of everything it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Who it is.
    pub caller: Caller,
    /// The account.
    pub user: User,
    /// Names the event log.
    pub epoch: String,
    /// The servers.
    pub servers: Vec<Server>,
    /// The account's own topic first, then its servers'.
    pub topics: Vec<OpenTopic>,
    /// The account's register version.
    #[serde(default)]
    pub registers: u64,
    /// The account's status; none from a worker that does not know of statuses.
    #[serde(default)]
    pub status: Option<AccountStatus>,
    /// Whether devices are told by web push.
    #[serde(default)]
    pub push: bool,
}

/// A topic of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTopic {
    /// The server or the account.
    pub topic: u64,
    /// Its head in the snapshot.
    pub head: u64,
    /// From where to replay when resuming: the client's place, or none when
    /// there is nothing to continue from (new topic, or a gap).
    pub replay_after: Option<u64>,
    /// The client named a place that cannot be continued: tell it with a `gap`.
    pub gap: bool,
    /// How the account stands in a server; it sees all of its own topic.
    pub standing: Option<Standing>,
}

/// What decides who sees what of a server, as of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenStructure {
    /// The event: the head of the topic in the snapshot.
    pub head: u64,
    /// The last event that changed the structure.
    pub version: u64,
    /// The last event with an effect: no standing changed behind it.
    pub settled: u64,
    /// The structure, reduced to what decides sight.
    pub structure: Structure,
    /// The standings asked for, of those who are members.
    pub standings: Vec<Standing>,
}

/// Encodes what travels on the bus.
pub fn pack<T: Serialize>(value: &T) -> Bytes {
    // Our own structs cannot fail to serialise.
    rmp_serde::to_vec_named(value).unwrap_or_default().into()
}

/// Decodes what travelled on the bus.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_of_a_later_version_is_unknown() {
        #[derive(Serialize)]
        enum Later {
            Renamed { to: &'static str },
        }
        let later = pack(&Later::Renamed { to: "x" });
        assert_eq!(Effect::read(&later), Effect::Unknown);
        let known = Effect::Joined {
            server: ServerId::new(5).unwrap(),
            since: 7,
        };
        assert_eq!(Effect::read(&pack(&known)), known);
    }
}
