//! One topic of the fan-out: its place, what came too early, and who belongs to it.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use foldhash::fast::RandomState;
use shared::{
    bus::envelope::Envelope,
    domain::permissions::{View, ViewId},
    ids::{SessionId, UserId},
};
use tokio::time::Instant;

use crate::{few::Few, session::link::Link};

/// The most events of a topic that wait for one that is missing, or for views.
/// What is beyond comes from the log later.
const MAX_AHEAD: usize = 4_096;
/// And the most bytes of them.
const MAX_AHEAD_BYTES: usize = 4 * 1024 * 1024;

/// Whose topic it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A server's: one lane writes it, and sessions see it through views.
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
    pub kind: Kind,
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
    /// Since when nobody wants it.
    pub idle_since: Option<Instant>,
    /// Set while views are fetched.
    pub hold: Option<Box<Hold>>,
    /// The last event that changed rights.
    pub rights_at: u64,
    /// The sessions, by connection.
    pub members: Few<u64, Member>,
    /// What the views of the members show.
    pub views: Few<ViewId, KnownView>,
    /// How many members each shard has.
    pub shards: Vec<u32>,
    ahead: BTreeMap<u64, Envelope>,
    ahead_bytes: usize,
}

/// A session that belongs to a topic.
#[derive(Debug)]
pub struct Member {
    /// Its connection.
    pub link: Arc<Link>,
    /// The account.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// What it sees; none for the account's own topic.
    pub view: Option<ViewId>,
    /// The head of the snapshot that it joined with.
    pub since: u64,
}

/// A view and how new it is.
#[derive(Debug)]
pub struct KnownView {
    /// It was read when the topic's head was here.
    pub as_of: u64,
    /// What it shows.
    pub view: Arc<View>,
}

/// Waits for new views.
#[derive(Debug)]
pub struct Hold {
    /// The event that changed rights.
    pub seq: u64,
    /// When that was.
    pub since: Instant,
    /// Accounts that may have another view now.
    pub affected: HashSet<UserId, RandomState>,
    /// Accounts that were asked about.
    pub tried: HashSet<UserId, RandomState>,
    /// When to ask again; none while a query is under way.
    pub retry_at: Option<Instant>,
}

impl Topic {
    /// A topic whose sessions have everything up to `last`.
    pub fn new(kind: Kind, last: u64, shards: usize) -> Self {
        Self {
            kind,
            last,
            want: last,
            subscription: Subscription::Wanted,
            dirty: false,
            alarm: None,
            repairing: false,
            idle_since: None,
            hold: None,
            rights_at: 0,
            members: Few::default(),
            views: Few::default(),
            shards: vec![0; shards],
            ahead: BTreeMap::new(),
            ahead_bytes: 0,
        }
    }

    /// Keeps an event that cannot be given out yet. When there is no room it is
    /// dropped: `want` still names it, so it is read from the log.
    pub fn keep(&mut self, envelope: Envelope) {
        if self.ahead.len() >= MAX_AHEAD
            || self.ahead_bytes + envelope.frame.len() > MAX_AHEAD_BYTES
        {
            return;
        }
        self.ahead_bytes += envelope.frame.len();
        if let Some(before) = self.ahead.insert(envelope.seq, envelope) {
            self.ahead_bytes -= before.frame.len();
        }
    }

    /// The kept event that follows the last one.
    pub fn next_kept(&mut self) -> Option<Envelope> {
        while let Some(first) = self.ahead.first_entry() {
            if *first.key() > self.last + 1 {
                return None;
            }
            let envelope = first.remove();
            self.ahead_bytes -= envelope.frame.len();
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
        self.ahead_bytes = self.ahead.values().map(|kept| kept.frame.len()).sum();
        if let Some((newest, _)) = self.ahead.last_key_value() {
            self.want = *newest;
        }
    }

    /// Whether an event is missing.
    pub const fn is_behind(&self) -> bool {
        self.want > self.last
    }

    /// Adds a member; an earlier membership of the connection ends.
    pub fn join(&mut self, member: Member) {
        let shard = member.link.shard;
        self.leave(member.link.connection);
        if let Some(count) = self.shards.get_mut(shard) {
            *count += 1;
        }
        self.members.insert(member.link.connection, member);
        self.idle_since = None;
    }

    /// Takes a member out.
    pub fn leave(&mut self, connection: u64) -> Option<Member> {
        let member = self.members.remove(&connection)?;
        if let Some(count) = self.shards.get_mut(member.link.shard) {
            *count = count.saturating_sub(1);
        }
        Some(member)
    }

    /// Notes what a snapshot said about a view, unless newer is known.
    pub fn learn_view(&mut self, id: ViewId, head: u64, view: &Arc<View>) {
        let (last, rights_at) = (self.last, self.rights_at);
        let Some(known) = self.views.get_mut(&id) else {
            let view = Arc::clone(view);
            self.views.insert(id, KnownView { as_of: head, view });
            return;
        };
        // A view from ahead of the topic's place would show its other members
        // what they could not see yet, except where theirs is outdated anyway.
        if head > known.as_of && (head <= last || known.as_of < rights_at) {
            known.as_of = head;
            known.view = Arc::clone(view);
        }
    }

    /// Whom to ask for the views: every affected account, and for each view
    /// one account that was not affected.
    pub fn representatives(&self, hold: &Hold) -> HashSet<UserId, RandomState> {
        let mut users = HashSet::default();
        let mut covered: HashSet<ViewId, RandomState> = HashSet::default();
        for member in self.members.values() {
            if hold.tried.contains(&member.user) {
                continue;
            }
            if hold.affected.contains(&member.user) {
                users.insert(member.user);
            } else if let Some(view) = member.view
                && self
                    .views
                    .get(&view)
                    .is_none_or(|known| known.as_of < hold.seq)
                && covered.insert(view)
            {
                users.insert(member.user);
            }
        }
        users
    }
}
