//! Views: after an event that changes rights, a topic's later events wait until
//! its views are known as of that event or later.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use foldhash::fast::RandomState;
use shared::{
    close::CloseCode,
    domain::permissions::{View, ViewId},
    error::Refusal,
    ids::UserId,
};
use tokio::time::Instant;

use super::{
    message::{ToShard, ViewChange},
    table::{Job, Table},
    topic::{Hold, KnownView, Topic},
};
use crate::{
    few::Few,
    shard::{topics::Sight, writers::Close},
};

/// How long events wait for views before the sessions are closed.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to ask again after an answer that was too old.
const RETRY_OLD: Duration = Duration::from_millis(50);
/// When to ask again after a query that failed.
const RETRY_FAILED: Duration = Duration::from_millis(250);
/// The view of those who are members no longer: it has no content.
const NO_VIEW: ViewId = ViewId(0);

/// The answer about views.
#[derive(Debug)]
pub struct Views {
    /// The head of the topic when they were read.
    pub seq: u64,
    /// Each member with the view's id; those who left are missing.
    pub members: Vec<(UserId, ViewId)>,
    /// Each view once.
    pub views: Vec<(ViewId, View)>,
}

impl Table {
    /// Holds a topic's events from `seq` on until its views are known.
    pub(super) fn hold(
        &mut self,
        number: u64,
        seq: u64,
        affected: HashSet<UserId, RandomState>,
        now: Instant,
    ) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        topic.rights_at = seq;
        if topic.members.is_empty() {
            topic.views = Few::default();
            return;
        }
        let mut hold = Hold {
            seq,
            since: now,
            affected,
            tried: HashSet::default(),
            retry_at: None,
        };
        if let Some(before) = topic.hold.take() {
            hold.since = before.since;
            hold.affected.extend(before.affected);
        }
        topic.hold = Some(Box::new(hold));
        self.ask_views(number, now);
    }

    fn ask_views(&mut self, number: u64, now: Instant) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let Some(mut hold) = topic.hold.take() else {
            return;
        };
        let users = topic.representatives(&hold);
        hold.tried.extend(users.iter().copied());
        hold.retry_at = None;
        let seq = hold.seq;
        let nobody = users.is_empty();
        topic.hold = Some(hold);
        if nobody {
            self.finish_views(number, now);
        } else {
            self.jobs.push(Job::Views {
                topic: number,
                seq,
                users: users.into_iter().collect(),
            });
            // Wakes this topic when patience ends, even without an answer.
            self.alarm(now + PATIENCE, number);
        }
    }

    /// The alarm of a topic that waits for views rang.
    pub(super) fn retry_views(&mut self, number: u64, now: Instant) {
        let Some(hold) = self
            .topics
            .get_mut(&number)
            .and_then(|topic| topic.hold.as_mut())
        else {
            return;
        };
        if now >= hold.since + PATIENCE {
            self.give_up_views(number, now);
        } else if hold.retry_at.is_some_and(|at| at <= now) {
            hold.tried.clear();
            self.ask_views(number, now);
        } else {
            let at = hold.retry_at.unwrap_or(hold.since + PATIENCE);
            self.alarm(at, number);
        }
    }

    fn give_up_views(&mut self, number: u64, now: Instant) {
        self.out_of_sync(number);
        if let Some(topic) = self.topics.get_mut(&number) {
            topic.hold = None;
            // Whoever joins now brings a view of its own.
            topic.views = Few::default();
        }
        self.advance(number, now);
    }

    /// Views of these users were answered.
    pub fn views(
        &mut self,
        number: u64,
        asked: &[UserId],
        answer: Result<Views, Refusal>,
        now: Instant,
    ) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let Some(hold) = topic.hold.as_mut() else {
            return;
        };
        let retry = match &answer {
            Err(_refusal) => Some(RETRY_FAILED),
            Ok(answer) => (answer.seq < hold.seq).then_some(RETRY_OLD),
        };
        if let Some(retry) = retry {
            hold.retry_at = Some(now + retry);
            self.alarm(now + retry, number);
            return;
        }
        if let Ok(answer) = answer {
            learn(topic, asked, answer);
            // Asks on when somebody who was asked about had left meanwhile.
            self.ask_views(number, now);
        }
    }

    /// Everything that can be known is known: moves members to their views and
    /// lets the topic go on.
    fn finish_views(&mut self, number: u64, now: Instant) {
        let shards = self.out.len();
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let Some(hold) = topic.hold.take() else {
            return;
        };
        let used: HashSet<ViewId, RandomState> = topic
            .members
            .values()
            .filter_map(|member| member.view)
            .collect();
        topic
            .views
            .retain(|id, known| used.contains(id) && known.as_of >= hold.seq);
        let views: Vec<(ViewId, Sight)> = used
            .iter()
            .map(|id| {
                let known = topic.views.get(id);
                let sight =
                    known.map_or(Sight::Nothing, |known| Sight::View(Arc::clone(&known.view)));
                (*id, sight)
            })
            .collect();
        // Nobody could say what they see, though they did not leave.
        let lost: Vec<(usize, u64)> = topic
            .members
            .iter()
            .filter(|(_, member)| {
                member
                    .view
                    .is_some_and(|id| id != NO_VIEW && !topic.views.contains_key(&id))
            })
            .map(|(connection, member)| (member.link.shard, *connection))
            .collect();
        let mut changes: Vec<ViewChange> = (0..shards)
            .map(|_| ViewChange {
                topic: number,
                moved: Vec::new(),
                views: views.clone(),
            })
            .collect();
        for (connection, member) in topic.members.iter() {
            if let Some(view) = member.view
                && hold.affected.contains(&member.user)
                && let Some(change) = changes.get_mut(member.link.shard)
            {
                change.moved.push((*connection, view));
            }
        }
        let counts = topic.shards.clone();
        for (shard, (change, count)) in changes.into_iter().zip(counts).enumerate() {
            if count > 0 {
                self.tell(shard, ToShard::Views(change));
            }
        }
        for (shard, connection) in lost {
            let close = Close::Code(CloseCode::OutOfSync);
            self.tell(shard, ToShard::Close(connection, close));
        }
        self.advance(number, now);
    }
}

fn learn(topic: &mut Topic, asked: &[UserId], answer: Views) {
    let Some(hold) = &mut topic.hold else {
        return;
    };
    let asked: HashSet<UserId, RandomState> = asked.iter().copied().collect();
    let ids: HashMap<UserId, ViewId, RandomState> = answer.members.into_iter().collect();
    for member in topic.members.values_mut() {
        if !asked.contains(&member.user) {
            continue;
        }
        let now = ids.get(&member.user).copied();
        if hold.affected.contains(&member.user) {
            member.view = Some(now.unwrap_or(NO_VIEW));
        } else if now.is_some() && member.view != now {
            // Another name without other rights: the channel whose override
            // named this member is gone.
            member.view = now;
            hold.affected.insert(member.user);
        }
    }
    for (id, view) in answer.views {
        let view = Arc::new(view);
        topic.views.insert(
            id,
            KnownView {
                as_of: answer.seq,
                view,
            },
        );
    }
}
