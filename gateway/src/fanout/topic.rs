//! One topic of the fan-out: its place, what came too early, and who belongs to it.

use std::{collections::BTreeMap, sync::Arc};

use shared::{
    bus::envelope::Envelope,
    ids::{SessionId, UserId},
};
use tokio::time::Instant;

use super::views::Views;
use crate::{connection::Connection, delivery::message::GroupId, small_map::SmallMap};

/// The most events of a topic that wait for one that is missing, or for the structure.
/// What is beyond comes from the log later.
const MAX_AHEAD: usize = 4_096;
/// And the most bytes of them.
const MAX_AHEAD_BYTES: usize = 4 * 1024 * 1024;

/// Whose topic it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind {
    /// A server's: one lane writes it, and what a session sees depends on its rights.
    Server,
    /// An account's: any lane may write it, and its sessions see all of it.
    Account,
}

/// How far hearing a topic has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// The bus does not have it yet: a repair would have to be done again.
    Wanted,
    /// The bus has it. What was published before comes no other way than from
    /// the log, and whether there is something was not answered yet.
    Fresh,
    /// The bus has it, and nothing from before is missing without being wanted.
    Known,
}

/// A topic that local sessions want.
#[derive(Debug)]
pub struct Topic {
    /// Whose topic it is.
    pub kind: TopicKind,
    /// The last event given to the sessions.
    pub last: u64,
    /// The last event known to exist.
    pub want: u64,
    /// What the bus says of it.
    pub subscription: Subscription,
    /// Something may have been lost; its head has to be asked for.
    pub dirty: bool,
    /// When it is looked at again.
    pub alarm: Option<Instant>,
    /// A repair is under way or waits for its turn.
    pub repairing: bool,
    /// The last event known to exist when it was asked for.
    pub repair_want: u64,
    /// Its structure was asked for.
    pub asking: bool,
    /// Since when nobody was seen to want it.
    pub idle_since: Option<Instant>,
    /// Who sees what of a server, as of `last`; none of an account, and while it
    /// has to be read: then nothing is given out.
    pub views: Option<Box<Views>>,
    /// The sessions, by connection.
    pub members: SmallMap<u64, Member>,
    /// Sessions that are to be attached once the topic has come far enough.
    pub waiting: Vec<u64>,
    /// How many members each shard has.
    pub shards: Vec<u32>,
    ahead: BTreeMap<u64, Envelope>,
    ahead_bytes: usize,
}

/// A session that belongs to a topic.
#[derive(Debug)]
pub struct Member {
    /// Its connection.
    pub connection: Arc<Connection>,
    /// The account.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// Of a server: how it belongs to it.
    pub membership: Option<Membership>,
}

/// How a session belongs to a server's topic.
#[derive(Debug, Clone, Copy)]
pub struct Membership {
    /// The event that it began with: it tells it from an earlier one.
    pub since: u64,
    /// The group, which decides what it sees.
    pub group: GroupId,
}

impl Topic {
    /// A topic whose sessions have everything up to `last`.
    pub fn new(kind: TopicKind, last: u64, shards: usize) -> Self {
        Self {
            kind,
            last,
            want: last,
            subscription: Subscription::Wanted,
            dirty: false,
            alarm: None,
            repairing: false,
            repair_want: 0,
            asking: false,
            idle_since: None,
            views: None,
            members: SmallMap::default(),
            waiting: Vec::new(),
            shards: vec![0; shards],
            ahead: BTreeMap::new(),
            ahead_bytes: 0,
        }
    }

    /// Keeps an event that cannot be given out yet. When there is no room it is
    /// dropped: `want` still names it, so it is read from the log.
    pub fn keep(&mut self, envelope: Envelope) {
        if self.ahead.len() >= MAX_AHEAD || self.ahead_bytes + envelope.body.len() > MAX_AHEAD_BYTES
        {
            return;
        }
        self.ahead_bytes += envelope.body.len();
        if let Some(before) = self.ahead.insert(envelope.seq, envelope) {
            self.ahead_bytes -= before.body.len();
        }
    }

    /// The kept event that follows the last one.
    pub fn next_kept(&mut self) -> Option<Envelope> {
        while let Some(first) = self.ahead.first_entry() {
            if *first.key() > self.last + 1 {
                return None;
            }
            let envelope = first.remove();
            self.ahead_bytes -= envelope.body.len();
            if envelope.seq == self.last + 1 {
                return Some(envelope);
            }
        }
        None
    }

    /// The topic goes on at `seq`: what was before is given up.
    pub fn skip_to(&mut self, seq: u64) {
        self.last = seq;
        self.want = seq;
        self.ahead = self.ahead.split_off(&(seq + 1));
        self.ahead_bytes = self.ahead.values().map(|kept| kept.body.len()).sum();
        if let Some((newest, _)) = self.ahead.last_key_value() {
            self.want = *newest;
        }
    }

    /// Whether an event is missing.
    pub const fn is_behind(&self) -> bool {
        self.want > self.last
    }

    /// Whether its events are given out: of a server, once it is known who sees what.
    pub const fn is_open(&self) -> bool {
        matches!(self.kind, TopicKind::Account) || self.views.is_some()
    }

    /// Whether a session with a snapshot of this head can be attached.
    pub const fn reached(&self, head: u64) -> bool {
        self.is_open() && self.last >= head
    }

    /// Adds a member; an earlier membership of the connection ends.
    pub fn join(&mut self, member: Member) {
        let shard = member.connection.shard;
        self.leave(member.connection.id);
        if let Some(count) = self.shards.get_mut(shard) {
            *count += 1;
        }
        self.members.insert(member.connection.id, member);
        self.idle_since = None;
    }

    /// Takes a member out.
    pub fn leave(&mut self, connection_id: u64) -> Option<Member> {
        let member = self.members.remove(&connection_id)?;
        if let Some(count) = self.shards.get_mut(member.connection.shard) {
            *count = count.saturating_sub(1);
        }
        if let (Some(views), Some(membership)) = (&mut self.views, member.membership) {
            views.leave(membership.group);
        }
        Some(member)
    }
}
