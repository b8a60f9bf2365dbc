//! Presence: who of this gateway's accounts is there, who is there at all, and who is told.
//!
//! One [`task`] owns it. It knows the accounts that have sessions here ([`own`]), tells all
//! gateways and workers once a second what changed among them, hears what others tell
//! ([`outlook`]), and hands the changes to the shards, which know who watches whom
//! ([`crate::delivery::watches`]).

pub mod outlook;
pub mod own;
pub mod task;

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::envelope::AccountStatus,
    ids::{ServerId, UserId},
    protocol::presence::MemberPresence,
};
use tokio::{sync::mpsc, time::Instant};

use crate::connection::Connection;

/// How many messages may wait for the task, which never waits for a socket; whoever finds it
/// full waits a moment.
pub const INBOX: usize = 4_096;

/// What the task is told.
pub enum ToPresence {
    /// A connection has an open session.
    Opened {
        /// The connection.
        connection: Arc<Connection>,
        /// Whose session it is.
        user: UserId,
        /// The status of the account, if the worker knows of any.
        status: Option<AccountStatus>,
    },
    /// The session of a connection hears its account's topic from now on.
    Settled(u64),
    /// Nobody uses the client of a connection any more, or somebody does again.
    Idle(Arc<Connection>),
    /// A connection has ended; whether its client said goodbye.
    Ended(u64, bool),
    /// The status of an account was set.
    Status(UserId, AccountStatus),
    /// An account is a member of a server no longer; without one, somebody may be who is not known.
    Left(ServerId, Option<UserId>),
    /// A worker let a connection watch.
    Watch(Box<Watching>),
}

/// A request to watch that a worker has answered.
pub struct Watching {
    /// Who watches.
    pub connection: Arc<Connection>,
    /// The server that the watch rests on.
    pub server: ServerId,
    /// The request's opcode.
    pub opcode: u16,
    /// The client's number for it.
    pub request: u32,
    /// The payload of the reply, in MessagePack.
    pub payload: Bytes,
    /// What the reply says.
    pub members: Vec<MemberPresence>,
    /// When it was asked: who left since is not watched.
    pub asked: Instant,
}

/// Tells the task. Clones tell the same one.
#[derive(Clone)]
pub struct Presence(mpsc::Sender<ToPresence>);

impl Presence {
    /// What tells a task, and what the task hears.
    pub fn new() -> (Self, mpsc::Receiver<ToPresence>) {
        let (sender, inbox) = mpsc::channel(INBOX);
        (Self(sender), inbox)
    }

    /// Tells it something; nobody listens any more when the gateway ends.
    pub async fn tell(&self, message: ToPresence) {
        if self.0.send(message).await.is_err() {
            tracing::debug!("presence has ended");
        }
    }
}
