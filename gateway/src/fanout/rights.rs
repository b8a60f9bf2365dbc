//! Changes of rights: each is folded when its event is given out, so that what a
//! session gets of an event is decided by the rights as of that event.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use foldhash::fast::RandomState;
use shared::{
    bus::envelope::{Envelope, OpenStructure},
    domain::{permissions::Standing, rights::Change},
    error::Refusal,
    ids::{ChannelId, ServerId, UserId},
};
use tokio::time::Instant;

use super::{
    topic::{Membership, Topic, TopicKind},
    topic_router::{Fetch, STRUCTURES, TopicRouter, fan_out_span},
    views::{Folded, Regroup, Views, gained},
};
use crate::{
    delivery::{
        event::Event,
        message::{Notice, RightsChange, RightsEvent, ToShard},
    },
    presence::ToPresence,
};

/// How many such questions are asked at once.
const MAX_STRUCTURES: usize = 4;
/// How long to wait after one failed.
const RETRY: Duration = Duration::from_millis(250);

impl TopicRouter {
    /// Gives out an event that changes rights, to those who see its channel after
    /// it; to those who saw it before, where the channel is gone with it.
    pub(super) fn change_rights(
        &mut self,
        envelope: Envelope,
        follows: u64,
        changes: &[Change],
        now: Instant,
    ) {
        let (number, seq) = (envelope.topic, envelope.seq);
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let Some(views) = &mut topic.views else {
            return topic.keep(envelope);
        };
        let Ok(folded) = views.fold(seq, follows, changes) else {
            tracing::warn!(topic = number, seq, "a change of rights is missing");
            return self.reread_structure(number, now);
        };
        topic.last = seq;
        let span = fan_out_span(&envelope);
        let _entered = span.as_ref().map(tracing::Span::enter);
        let event = Arc::new(Event::new(&envelope));
        let gone = |channel: ChannelId| changes.iter().any(|change| change.removes(channel));
        let event = RightsEvent {
            before: event.channel.is_some_and(gone),
            event,
        };
        let left = folded.left.clone();
        let change = self.move_members(number, seq, folded, event);
        self.tell_members(number, || ToShard::Rights(Arc::clone(&change)));
        for (user, since) in left {
            self.presence.extend(left_server(number, Some(user)));
            for connection_id in self.connections_of(user, number) {
                // Who joined anew since has nothing to do with this leaving.
                if self.membership_since(number, connection_id) == Some(since) {
                    self.leave_topic(connection_id, number);
                }
            }
        }
    }

    /// The server is deleted: nobody belongs to it, or hears of anybody there.
    pub(super) fn end_topic(&mut self, number: u64) {
        self.presence.extend(left_server(number, None));
        let topic = self.topics.get(&number);
        let members = topic.into_iter().flat_map(|topic| topic.members.iter());
        let members: Vec<u64> = members.map(|(connection_id, _)| *connection_id).collect();
        for connection_id in members {
            self.leave_topic(connection_id, number);
        }
    }

    /// Moves members to their groups, and says what each group and each of them sees now.
    fn move_members(
        &mut self,
        number: u64,
        seq: u64,
        folded: Folded,
        event: RightsEvent,
    ) -> Arc<RightsChange> {
        let notice = |before: &[ChannelId], after: &[ChannelId]| {
            let notice = Notice {
                topic: number,
                seq,
                shown: gained(before, after),
                hidden: gained(after, before),
            };
            let is_empty = notice.shown.is_empty() && notice.hidden.is_empty();
            (!is_empty).then(|| Arc::new(notice))
        };
        let mut moved = Vec::new();
        for Regroup { user, roles } in &folded.regroup {
            for connection_id in self.connections_of(*user, number) {
                let since = self.membership_since(number, connection_id);
                let roles = match roles {
                    // Another membership than the session's is not meant.
                    Some((of, _)) if Some(*of) != since => continue,
                    Some((_, roles)) => Some(roles.as_slice()),
                    None => None,
                };
                let Some(topic) = self.topics.get_mut(&number) else {
                    continue;
                };
                let (Some(views), Some(member)) =
                    (&mut topic.views, topic.members.get_mut(&connection_id))
                else {
                    continue;
                };
                let Some(membership) = &mut member.membership else {
                    continue;
                };
                let turned = folded
                    .turned
                    .iter()
                    .find(|turned| turned.group == membership.group);
                let before = turned.map_or_else(
                    || views.group_channels(membership.group),
                    |turned| Arc::clone(&turned.before),
                );
                if let Some((group, after)) = views.regroup(membership.group, *user, roles) {
                    membership.group = group;
                    let notice = notice(&before, &after);
                    moved.push((connection_id, group, after, notice));
                }
            }
        }
        let groups = folded.turned.into_iter().map(|turned| {
            let notice = notice(&turned.before, &turned.after);
            (turned.group, turned.after, notice)
        });
        Arc::new(RightsChange {
            topic: number,
            event: Some(event),
            groups: groups.collect(),
            moved,
        })
    }

    /// The event that a connection's membership began with.
    fn membership_since(&self, number: u64, connection_id: u64) -> Option<u64> {
        let member = self.topics.get(&number)?.members.get(&connection_id)?;
        Some(member.membership?.since)
    }

    /// The structure of a server has to be read: until then the topic waits.
    pub(super) fn reread_structure(&mut self, number: u64, now: Instant) {
        if let Some(topic) = self.topics.get_mut(&number)
            && topic.kind == TopicKind::Server
            && topic.views.take().is_some()
        {
            self.unknown.push_back(number);
            self.ask_structures(now);
        }
    }

    /// Asks for the structures of servers, in batches.
    pub(super) fn ask_structures(&mut self, now: Instant) {
        while self.structures_running < MAX_STRUCTURES
            && !self.unknown.is_empty()
            && now >= self.unknown_at
        {
            let count = self.unknown.len().min(self.structures_most);
            let batch: Vec<(u64, Vec<UserId>)> = self
                .unknown
                .drain(..count)
                .filter_map(|number| {
                    let topic = self.topics.get_mut(&number)?;
                    // One that was forgotten while it waited, and is wanted again, waits twice.
                    if topic.asking || topic.is_open() {
                        return None;
                    }
                    topic.asking = true;
                    Some((number, topic.users()))
                })
                .collect();
            if !batch.is_empty() {
                self.structures_running += 1;
                self.jobs.push(Fetch::Structures(batch));
            }
        }
    }

    /// Structures were answered.
    pub fn apply_structures(
        &mut self,
        asked: &[u64],
        answer: Result<(u64, Vec<OpenStructure>), Refusal>,
        now: Instant,
    ) {
        self.structures_running = self.structures_running.saturating_sub(1);
        for number in asked {
            if let Some(topic) = self.topics.get_mut(number) {
                topic.asking = false;
            }
        }
        let Ok((epoch, servers)) = answer else {
            self.metrics.repairs_failed_total.inc();
            let awaited = self.awaited_topics();
            for number in asked {
                let topic = self.topics.get(number);
                if topic.is_some_and(|topic| !topic.members.is_empty()) || awaited.contains(number)
                {
                    self.unknown.push_back(*number);
                } else if self.topics.remove(number).is_some() {
                    self.wants.set_wanted(*number, false);
                }
            }
            self.unknown_at = now + RETRY;
            // Perhaps one of them is at fault: it must not keep the others for ever.
            self.structures_most = (asked.len() / 2).max(1);
            return;
        };
        self.structures_most = (self.structures_most * 2).min(STRUCTURES);
        self.learn_epoch(epoch);
        let mut found: HashMap<u64, OpenStructure, RandomState> = servers
            .into_iter()
            .map(|open| (open.structure.server.get(), open))
            .collect();
        for number in asked {
            if let Some(open) = found.remove(number) {
                self.open_topic(*number, open, now);
            } else {
                // Nobody is a member of what does not exist.
                self.close_out_of_sync(*number);
                self.drop_waiting(*number);
            }
        }
        self.ask_structures(now);
    }

    /// The topic goes on at the head of its structure; who was attached before is
    /// told that something is missing.
    fn open_topic(&mut self, number: u64, open: OpenStructure, now: Instant) {
        let OpenStructure {
            head,
            version,
            settled,
            structure,
            standings,
        } = open;
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        if topic.is_open() {
            return;
        }
        let want = topic.want;
        topic.skip_to(head);
        topic.want = topic.want.max(want);
        topic.views = Some(Box::new(Views::new(structure, version, settled)));
        if !topic.members.is_empty() {
            self.metrics.gaps_total.inc();
            let (change, gone) = regroup_members(topic, number, standings);
            let change = Arc::new(change);
            self.tell_members(number, || ToShard::Rights(Arc::clone(&change)));
            self.tell_members(number, || ToShard::Gap(number, head));
            self.presence.extend(left_server(number, None));
            for connection_id in gone {
                self.leave_topic(connection_id, number);
            }
        }
        self.deliver_kept(number, now);
    }
}

/// Somebody left a server, or nobody knows who.
fn left_server(number: u64, user: Option<UserId>) -> Option<ToPresence> {
    ServerId::new(number).map(|server| ToPresence::Left(server, user))
}

/// Puts the members of a topic into groups of their new standings; answers the
/// connections of those who are members no longer.
fn regroup_members(
    topic: &mut Topic,
    number: u64,
    standings: Vec<Standing>,
) -> (RightsChange, Vec<u64>) {
    let standings: HashMap<UserId, Standing, RandomState> = standings
        .into_iter()
        .map(|standing| (standing.user, standing))
        .collect();
    let (mut moved, mut gone) = (Vec::new(), Vec::new());
    if let Some(views) = &mut topic.views {
        for (connection_id, member) in topic.members.iter_mut() {
            let Some(standing) = standings.get(&member.user) else {
                member.membership = None;
                gone.push(*connection_id);
                continue;
            };
            let (group, channels) = views.enter(member.user, &standing.roles);
            member.membership = Some(Membership {
                since: standing.since,
                group,
            });
            moved.push((*connection_id, group, channels, None));
        }
    }
    let change = RightsChange {
        topic: number,
        event: None,
        groups: Vec::new(),
        moved,
    };
    (change, gone)
}

impl Topic {
    /// The accounts of its members, each once.
    fn users(&self) -> Vec<UserId> {
        let users: HashSet<UserId, RandomState> =
            self.members.values().map(|member| member.user).collect();
        users.into_iter().collect()
    }
}
