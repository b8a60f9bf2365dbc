//! Sessions come and go: each is attached once its topics have come as far as its
//! snapshot, so that what it then sees is of one moment.

use std::{collections::HashSet, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use shared::ids::UserId;
use tokio::{sync::oneshot, time::Instant};

use super::{
    message::{Attach, AttachTopic, Attached, Cause, Rights},
    topic::{Member, Membership, Topic, TopicKind},
    topic_router::{AttachedConnection, PendingAttach, TopicRouter},
};
use crate::{
    connection::Connection,
    delivery::message::{Join, ToShard, Visibility},
};

/// How long a session waits for its topics before it goes on without the servers that are
/// late, or ends because its own topic is.
const PATIENCE: Duration = Duration::from_secs(10);
impl TopicRouter {
    /// A session is to get the events of topics. It is attached once each of them
    /// has come as far as its snapshot: what it then sees is of one moment.
    pub fn attach_session(
        &mut self,
        attach: Attach,
        reply: oneshot::Sender<Vec<Attached>>,
        now: Instant,
    ) {
        match (attach.epoch, self.epoch) {
            // One of both is of yesterday. The log says which; the session comes again.
            (Some(new), Some(known)) if new != known && !self.topics.is_empty() => {
                return self.mark_dirty(|_, _| true, now);
            }
            (Some(new), _) => self.epoch = Some(new),
            (None, _) => {}
        }
        for wanted in &attach.topics {
            self.want_topic(wanted, now);
        }
        let pending = PendingAttach {
            attach,
            reply,
            since: now,
        };
        self.try_attach(pending, now);
    }

    /// Holds a topic from now on, and looks whether it is behind the snapshot.
    fn want_topic(&mut self, wanted: &AttachTopic, now: Instant) {
        let number = wanted.topic;
        let shards = self.out.len();
        let topic = self.topics.entry(number).or_insert_with(|| {
            self.wants.set_wanted(number, true);
            let kind = if wanted.standing.is_some() {
                self.unknown.push_back(number);
                TopicKind::Server
            } else {
                TopicKind::Account
            };
            Topic::new(kind, wanted.head, shards)
        });
        topic.want = topic.want.max(wanted.head);
        self.await_missing(number, now);
        self.ask_structures(now);
    }

    fn try_attach(&mut self, pending: PendingAttach, now: Instant) {
        // Nobody would undo it for a connection that is about to end.
        if pending.attach.connection.is_closing() || pending.reply.is_closed() {
            return;
        }
        let mut wanted = pending.attach.topics.iter();
        let behind = wanted.find(|wanted| !self.has_reached(wanted));
        if let Some(behind) = behind.map(|wanted| wanted.topic) {
            if let Some(topic) = self.topics.get_mut(&behind) {
                self.next_pending += 1;
                topic.waiting.push(self.next_pending);
                self.pending.insert(self.next_pending, pending);
            }
            return;
        }
        self.attach_all(pending, now);
    }

    fn attach_all(&mut self, pending: PendingAttach, now: Instant) {
        let PendingAttach { attach, reply, .. } = pending;
        let attached = attach
            .topics
            .iter()
            .map(|wanted| self.attach_one(&attach, wanted, now))
            .collect();
        // The driver may have gone; its connection's end undoes this.
        drop(reply.send(attached));
    }

    /// The topic has come further: whoever waited for that may be attached.
    pub(super) fn wake_waiting(&mut self, number: u64, now: Instant) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        if topic.waiting.is_empty() || !topic.is_open() {
            return;
        }
        for id in std::mem::take(&mut topic.waiting) {
            if let Some(pending) = self.pending.remove(&id) {
                self.try_attach(pending, now);
            }
        }
    }

    /// Nobody is attached to this topic any more who waits for it.
    pub(super) fn drop_waiting(&mut self, number: u64) {
        if let Some(topic) = self.topics.get_mut(&number) {
            for id in std::mem::take(&mut topic.waiting) {
                // Dropped without an answer: the session ends and resumes.
                self.pending.remove(&id);
            }
        }
    }

    fn attach_one(&mut self, attach: &Attach, wanted: &AttachTopic, now: Instant) -> Attached {
        let connection = &attach.connection;
        let (number, user) = (wanted.topic, attach.caller.user);
        let Some(topic) = self.topics.get_mut(&number) else {
            return Attached::Stale;
        };
        if !topic.reached(wanted.head) {
            return Attached::Late;
        }
        let earlier = topic.members.get(&connection.id);
        let (mut membership, mut visibility, mut rights) = (None, Visibility::All, None);
        if let (Some(standing), Some(views)) = (&wanted.standing, &mut topic.views) {
            let since = earlier.and_then(|member| Some(member.membership?.since));
            if wanted.cause == Cause::Join && since == Some(standing.since) {
                return Attached::Already;
            }
            if views.outdates(user, wanted.head) {
                return Attached::Stale;
            }
            let (group, channels) = views.enter(user, &standing.roles);
            membership = Some(Membership {
                since: standing.since,
                group,
            });
            visibility = Visibility::Channels(channels);
            if wanted.place < topic.last {
                rights = Some(Rights {
                    structure: Arc::clone(views.structure()),
                    version: views.version(),
                });
            }
        }
        let was_member = earlier.is_some();
        topic.join(Member {
            connection: Arc::clone(connection),
            user,
            session: attach.caller.session,
            membership,
        });
        let position = topic.last;
        let join = Join {
            connection_id: connection.id,
            topic: number,
            position,
            released: wanted.place >= position && wanted.cause != Cause::Join,
            group: membership.map(|membership| membership.group),
            visibility,
        };
        if was_member {
            self.tell_shard(
                connection.shard,
                ToShard::Leave(connection.id, number, false),
            );
        } else {
            self.note_attached(connection.id, user, number);
        }
        self.tell_shard(connection.shard, ToShard::Join(join));
        self.await_missing(number, now);
        Attached::At { position, rights }
    }

    /// Remembers that a connection is attached to a topic.
    fn note_attached(&mut self, connection_id: u64, user: UserId, number: u64) {
        let accounts = &mut self.accounts;
        let connected = self.connections.entry(connection_id).or_insert_with(|| {
            accounts.entry(user).or_default().push(connection_id);
            AttachedConnection {
                user,
                topics: Vec::new(),
            }
        });
        connected.topics.push(number);
    }

    /// The connections of an account that are attached to a topic.
    pub(super) fn connections_of(&self, user: UserId, number: u64) -> Vec<u64> {
        let Some(topic) = self.topics.get(&number) else {
            return Vec::new();
        };
        let all = self.accounts.get(&user).map_or(&[][..], Vec::as_slice);
        all.iter()
            .copied()
            .filter(|connection_id| topic.members.contains_key(connection_id))
            .collect()
    }

    /// A session no longer belongs to a topic: it still gets what waits for the end of its
    /// replay.
    pub(super) fn leave_topic(&mut self, connection_id: u64, number: u64) {
        if let Some(member) = self.remove_member(connection_id, number) {
            let leave = ToShard::Leave(connection_id, number, true);
            self.tell_shard(member.connection.shard, leave);
        }
    }

    /// A session itself wants no more of a topic, whether it was attached or not:
    /// nothing of it stays in its shard.
    pub fn leave_topic_now(&mut self, connection: &Connection, number: u64) {
        self.remove_member(connection.id, number);
        let leave = ToShard::Leave(connection.id, number, false);
        self.tell_shard(connection.shard, leave);
    }

    fn remove_member(&mut self, connection_id: u64, number: u64) -> Option<Member> {
        let member = self.topics.get_mut(&number)?.leave(connection_id)?;
        if let Some(connected) = self.connections.get_mut(&connection_id) {
            connected.topics.retain(|other| *other != number);
        }
        Some(member)
    }

    /// A connection has ended.
    pub fn detach_connection(&mut self, connection: &Connection) {
        if let Some(connected) = self.connections.remove(&connection.id) {
            for number in connected.topics {
                if let Some(topic) = self.topics.get_mut(&number) {
                    topic.leave(connection.id);
                }
            }
            if let Some(all) = self.accounts.get_mut(&connected.user) {
                all.retain(|connection_id| *connection_id != connection.id);
                if all.is_empty() {
                    self.accounts.remove(&connected.user);
                }
            }
        }
        self.tell_shard(connection.shard, ToShard::Remove(connection.id));
    }

    /// The topics that sessions wait for, or will need once the one has come.
    pub(super) fn awaited_topics(&self) -> HashSet<u64, RandomState> {
        let pending = self.pending.values();
        pending
            .flat_map(|pending| pending.attach.topics.iter().map(|wanted| wanted.topic))
            .collect()
    }

    /// Sessions that waited too long go on without the topics that are late: one server that
    /// cannot be read keeps nobody from the others.
    pub(super) fn hurry_pending(&mut self, now: Instant) {
        let over =
            |pending: &PendingAttach| now >= pending.since + PATIENCE || pending.reply.is_closed();
        let late: Vec<PendingAttach> = self
            .pending
            .extract_if(|_, pending| over(pending))
            .map(|(_, pending)| pending)
            .collect();
        if late.is_empty() {
            return;
        }
        for topic in self.topics.values_mut() {
            topic.waiting.retain(|id| self.pending.contains_key(id));
        }
        for pending in late {
            // Nobody would undo it for a connection that is about to end. And without its own
            // topic a session would not hear that it was revoked: it ends, and resumes.
            let over = pending.attach.connection.is_closing() || pending.reply.is_closed();
            if !over && self.has_own(&pending.attach) {
                self.attach_all(pending, now);
            }
        }
    }

    /// Whether the topic of the account itself, if it is wanted, has come far enough.
    fn has_own(&self, attach: &Attach) -> bool {
        let mut topics = attach.topics.iter();
        topics.all(|wanted| wanted.standing.is_some() || self.has_reached(wanted))
    }

    fn has_reached(&self, wanted: &AttachTopic) -> bool {
        let topic = self.topics.get(&wanted.topic);
        topic.is_some_and(|topic| topic.reached(wanted.head))
    }
}
