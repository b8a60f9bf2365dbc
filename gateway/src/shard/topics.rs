//! Which connections of a shard get a topic's events, grouped by view: one
//! test per view and event, not per session.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use foldhash::fast::RandomState;
use shared::{
    domain::permissions::{Permissions, View, ViewId},
    frame::opcode,
    ids::ChannelId,
    protocol::control::{Cursor, TopicSeq},
};
use tokio::time::Instant;

use super::writers::{Socket, Writers};
use crate::{
    dialect::Dialect,
    event::Event,
    fanout::message::{Join, ViewChange},
    few::Few,
};

/// What a group of connections sees of a topic.
#[derive(Debug, Clone)]
pub enum Sight {
    /// Everything: an account's own topic.
    All,
    /// The channels of a view.
    View(Arc<View>),
    /// No channel: the view is not known.
    Nothing,
}

impl Sight {
    /// Whether an event that concerns this channel is seen. What concerns no
    /// channel is for every member.
    pub fn sees(&self, channel: Option<ChannelId>) -> bool {
        match (self, channel) {
            (Self::All, _) | (_, None) => true,
            (Self::View(view), Some(channel)) => view
                .get(&channel)
                .is_some_and(|permissions| permissions.contains(Permissions::VIEW_CHANNEL)),
            (Self::Nothing, Some(_)) => false,
        }
    }
}

/// Names a group within a topic; none for the account's own topic.
pub type GroupKey = Option<ViewId>;

/// How often a group is carried past hidden events.
#[derive(Debug, Clone, Copy)]
pub struct TopicBounds {
    /// The least time between two cursors of a group.
    pub cursor: Duration,
    /// The most bytes that may wait for a replay to end.
    pub hold_bytes: usize,
}

/// The topics of a shard.
pub struct Topics {
    topics: HashMap<u64, Topic, RandomState>,
    bounds: TopicBounds,
}

struct Topic {
    last: u64,
    groups: Few<GroupKey, Group>,
    /// Members who do not get events yet.
    held: Vec<Held>,
}

struct Group {
    sight: Sight,
    members: Vec<u32>,
    /// Something was hidden since the last thing that was shown.
    hidden: bool,
    cursor_at: Instant,
}

/// A member whose replay is not finished, or whose snapshot is ahead of the
/// topic's place here.
struct Held {
    slot: u32,
    group: GroupKey,
    /// What the member has already.
    after: u64,
    state: HeldState,
    overflow: bool,
    /// Something was hidden since the last frame that waits.
    hidden: bool,
    frames: Vec<Bytes>,
    bytes: usize,
}

/// What a held member waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldState {
    /// The end of its replay.
    Replaying,
    /// The same, but it has left: what waits is the last that it gets.
    Leaving,
    /// The topic's place here to reach that of its snapshot.
    Released,
    /// Nothing: it has left, and its replay is finished.
    Left,
}

impl HeldState {
    /// The replay is finished.
    const fn released(self) -> Self {
        match self {
            Self::Replaying | Self::Released => Self::Released,
            Self::Leaving | Self::Left => Self::Left,
        }
    }

    /// The member has left.
    const fn left(self) -> Self {
        match self {
            Self::Replaying | Self::Leaving => Self::Leaving,
            Self::Released | Self::Left => Self::Left,
        }
    }
}

impl Topics {
    /// No topics yet.
    pub fn new(bounds: TopicBounds) -> Self {
        Self {
            topics: HashMap::default(),
            bounds,
        }
    }

    /// How many topics have members here.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether no topic has members here.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Makes the connection in `slot` a member.
    pub fn join(&mut self, slot: u32, join: &Join, now: Instant) {
        let topic = self.topics.entry(join.topic).or_insert_with(|| Topic {
            last: join.position,
            groups: Few::default(),
            held: Vec::new(),
        });
        topic.last = topic.last.max(join.position);
        let group = topic.group(join.group, now);
        if let Some(sight) = &join.sight {
            group.sight = sight.clone();
        }
        if join.released && join.after <= topic.last {
            topic.group(join.group, now).members.push(slot);
            return;
        }
        topic.held.push(Held {
            slot,
            group: join.group,
            after: join.after,
            state: if join.released {
                HeldState::Released
            } else {
                HeldState::Replaying
            },
            overflow: false,
            hidden: false,
            frames: Vec::new(),
            bytes: 0,
        });
    }

    /// The replay of a member is finished. `false` when more came meanwhile than
    /// may wait: the member has to join anew.
    pub fn release<S: Socket>(
        &mut self,
        number: u64,
        slot: u32,
        writers: &mut Writers<S>,
        now: Instant,
    ) -> bool {
        let Some(topic) = self.topics.get_mut(&number) else {
            return true;
        };
        let Some(held) = topic.held.iter_mut().find(|held| held.slot == slot) else {
            return true;
        };
        let overflow = held.overflow;
        held.state = held.state.released();
        if overflow {
            topic.held.retain(|held| held.slot != slot);
        } else {
            topic.settle(writers, now);
        }
        self.forget_empty(number);
        !overflow
    }

    /// Takes the connection in `slot` out of a topic. A member whose replay is
    /// under way still gets what came up to now; says whether it is one.
    pub fn leave(&mut self, number: u64, slot: u32, keep_held: bool) -> bool {
        let Some(topic) = self.topics.get_mut(&number) else {
            return false;
        };
        for group in topic.groups.values_mut() {
            if let Some(index) = group.members.iter().position(|member| *member == slot) {
                group.members.swap_remove(index);
            }
        }
        topic.groups.retain(|key, group| {
            !group.members.is_empty() || topic.held.iter().any(|held| held.group == *key)
        });
        if keep_held {
            for held in topic.held.iter_mut().filter(|held| held.slot == slot) {
                held.state = held.state.left();
            }
        } else {
            topic.held.retain(|held| held.slot != slot);
        }
        let is_held = topic.held.iter().any(|held| held.slot == slot);
        self.forget_empty(number);
        is_held
    }

    fn forget_empty(&mut self, number: u64) {
        if self
            .topics
            .get(&number)
            .is_some_and(|topic| topic.held.is_empty() && topic.is_empty())
        {
            self.topics.remove(&number);
        }
    }

    /// Gives an event to those who see it.
    pub fn deliver<S: Socket>(&mut self, event: &Event, writers: &mut Writers<S>, now: Instant) {
        let Some(topic) = self.topics.get_mut(&event.topic) else {
            return;
        };
        let ephemeral = event.seq == 0;
        if !ephemeral {
            topic.last = event.seq;
        }
        for group in topic.groups.values_mut() {
            if !group.sight.sees(event.channel) {
                group.hidden |= !ephemeral;
                continue;
            }
            if group.hidden && !ephemeral {
                // A client that counts must not take what is hidden for a hole.
                group.cursor(event.topic, event.seq.saturating_sub(1), writers, now);
            }
            for slot in &group.members {
                writers.push_event(*slot, event, ephemeral, now);
            }
        }
        if !topic.held.is_empty() {
            topic.hold(event, self.bounds.hold_bytes, writers);
            topic.settle(writers, now);
        }
    }

    /// Changes who belongs to which view, and what the views show.
    pub fn change_views<S: Socket>(
        &mut self,
        change: &ViewChange,
        writers: &Writers<S>,
        now: Instant,
    ) {
        let Some(topic) = self.topics.get_mut(&change.topic) else {
            return;
        };
        for (connection, key) in &change.moved {
            let Some(slot) = writers.slot(*connection) else {
                continue;
            };
            for held in topic.held.iter_mut().filter(|held| held.slot == slot) {
                held.group = Some(*key);
            }
            let mut was_member = false;
            for group in topic.groups.values_mut() {
                if let Some(index) = group.members.iter().position(|member| *member == slot) {
                    group.members.swap_remove(index);
                    was_member = true;
                }
            }
            let group = topic.group(Some(*key), now);
            if was_member {
                group.members.push(slot);
                group.hidden = true;
            }
        }
        for (key, sight) in &change.views {
            if let Some(group) = topic.groups.get_mut(&Some(*key)) {
                group.sight = sight.clone();
            }
        }
        topic.groups.retain(|key, group| {
            !group.members.is_empty() || topic.held.iter().any(|held| held.group == *key)
        });
    }

    /// The topic goes on at `seq`; what was between is lost here, and its members are told.
    pub fn gap<S: Socket>(
        &mut self,
        number: u64,
        seq: u64,
        writers: &mut Writers<S>,
        now: Instant,
    ) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        topic.last = seq;
        let gap = shared::protocol::control::Gap { topic: number, seq };
        let frames = Dialect::ALL.map(|dialect| (dialect, dialect.control(opcode::GAP, &gap)));
        for group in topic.groups.values() {
            for slot in &group.members {
                writers.push_control(*slot, &frames, now);
            }
        }
        // Those who wait join anew, with a snapshot of their own.
        for held in &mut topic.held {
            held.overflow |= held.after < seq;
        }
        topic.settle(writers, now);
    }

    /// All members of a topic.
    pub fn members(&self, number: u64) -> Vec<u32> {
        let Some(topic) = self.topics.get(&number) else {
            return Vec::new();
        };
        let members = topic.groups.values().flat_map(|group| &group.members);
        members
            .copied()
            .chain(topic.held.iter().map(|held| held.slot))
            .collect()
    }

    /// Carries groups past what they may not see.
    pub fn tick<S: Socket>(&mut self, writers: &mut Writers<S>, now: Instant) {
        for (number, topic) in &mut self.topics {
            let last = topic.last;
            for group in topic.groups.values_mut() {
                if !group.hidden || now < group.cursor_at + self.bounds.cursor {
                    continue;
                }
                group.cursor(*number, last, writers, now);
            }
        }
    }
}

fn cursor(topic: u64, seq: u64) -> Cursor {
    Cursor {
        topics: vec![TopicSeq { topic, seq }],
    }
}

impl Group {
    /// Carries the members past what they may not see.
    fn cursor<S: Socket>(&mut self, topic: u64, seq: u64, writers: &mut Writers<S>, now: Instant) {
        self.hidden = false;
        self.cursor_at = now;
        let cursor = cursor(topic, seq);
        let frames =
            Dialect::ALL.map(|dialect| (dialect, dialect.control(opcode::CURSOR, &cursor)));
        for slot in &self.members {
            writers.push_control(*slot, &frames, now);
        }
    }
}

impl Topic {
    fn is_empty(&self) -> bool {
        self.groups.values().all(|group| group.members.is_empty())
    }

    fn group(&mut self, key: GroupKey, now: Instant) -> &mut Group {
        self.groups.get_or_insert_with(key, || Group {
            sight: if key.is_none() {
                Sight::All
            } else {
                Sight::Nothing
            },
            members: Vec::new(),
            hidden: false,
            cursor_at: now,
        })
    }

    fn hold<S: Socket>(&mut self, event: &Event, bound: usize, writers: &mut Writers<S>) {
        for held in &mut self.held {
            // What is not stored is not worth holding.
            let wanted = event.seq > held.after
                && !held.overflow
                && matches!(held.state, HeldState::Replaying | HeldState::Released);
            let sees = self
                .groups
                .get(&held.group)
                .is_some_and(|group| group.sight.sees(event.channel));
            if !wanted || !sees {
                held.hidden |= wanted;
                continue;
            }
            let Some(writer) = writers.get_mut(held.slot) else {
                continue;
            };
            if std::mem::take(&mut held.hidden) {
                let before = event.seq.saturating_sub(1);
                let frame = writer
                    .link
                    .dialect
                    .control(opcode::CURSOR, &cursor(event.topic, before));
                held.bytes += frame.len();
                held.frames.push(frame);
            }
            // What it will be in the queue: in JSON it is larger.
            let frame = event.frame(writer.link.dialect).clone();
            held.bytes += frame.len();
            held.frames.push(frame);
            if held.bytes > bound {
                held.overflow = true;
                held.frames = Vec::new();
            }
        }
    }

    /// Turns those into members who may get events from now on.
    fn settle<S: Socket>(&mut self, writers: &mut Writers<S>, now: Instant) {
        let last = self.last;
        let ready = |held: &mut Held| {
            !held.overflow
                && match held.state {
                    HeldState::Replaying | HeldState::Leaving => false,
                    HeldState::Released => held.after <= last,
                    HeldState::Left => true,
                }
        };
        let settled: Vec<Held> = self.held.extract_if(.., ready).collect();
        for held in settled {
            for frame in &held.frames {
                writers.push(held.slot, frame, false, now);
            }
            if held.state == HeldState::Released {
                // Its group may have been carried past what this one was not.
                let group = self.group(held.group, now);
                group.hidden |= held.hidden;
                group.members.push(held.slot);
            }
        }
    }
}
