//! Which connections of a shard get a topic's events, grouped by what they see:
//! one test per group and event, not per session.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use foldhash::fast::RandomState;
use shared::{
    frame::opcode,
    protocol::control::{Cursor, Gap, Registers, TopicSeq},
};
use tokio::time::Instant;

use super::{
    event::Event,
    message::{GroupKey, Join, Move, RightsChange, Visibility},
    sockets::Sockets,
};
use crate::{dialect::frames::ControlFrames, small_map::SmallMap, transport::socket::Socket};

/// A change of rights, with its moves by the slots of their connections.
struct Regrouping<'a> {
    change: &'a RightsChange,
    moves: HashMap<u32, &'a Move, RandomState>,
}

/// How often a group is carried past hidden events.
#[derive(Debug, Clone, Copy)]
pub struct TopicConfig {
    /// The least time between two cursors of a group.
    pub cursor: Duration,
    /// The most bytes that may wait for a replay to end.
    pub buffer_bytes: usize,
}

/// The topics of a shard.
pub struct Topics {
    topics: HashMap<u64, TopicMembers, RandomState>,
    config: TopicConfig,
}

struct TopicMembers {
    last: u64,
    groups: SmallMap<GroupKey, MemberGroup>,
    /// Members who do not get events yet.
    buffered: Vec<BufferedMember>,
}

struct MemberGroup {
    visibility: Visibility,
    members: Vec<u32>,
    /// Something was hidden since the last thing that was shown.
    hidden: bool,
    cursor_at: Instant,
}

/// A member whose replay is not finished.
struct BufferedMember {
    slot: u32,
    group: GroupKey,
    /// It has left: what waits is the last that it gets.
    left: bool,
    /// More came than may wait, or something is missing: it has to join anew.
    overflow: bool,
    /// Something was hidden since the last frame that waits.
    hidden: bool,
    frames: Vec<Bytes>,
    bytes: usize,
}

impl Topics {
    /// No topics yet.
    pub fn new(config: TopicConfig) -> Self {
        Self {
            topics: HashMap::default(),
            config,
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
    pub fn add_member(&mut self, slot: u32, join: &Join, now: Instant) {
        let topic = self
            .topics
            .entry(join.topic)
            .or_insert_with(|| TopicMembers {
                last: join.position,
                groups: SmallMap::default(),
                buffered: Vec::new(),
            });
        topic.last = topic.last.max(join.position);
        // Nothing of an earlier membership is left: its end would be taken for that of this one.
        topic.buffered.retain(|member| member.slot != slot);
        let group = topic.group(join.group, now);
        group.visibility = join.visibility.clone();
        if join.released {
            group.members.push(slot);
            return;
        }
        topic.buffered.push(BufferedMember {
            slot,
            group: join.group,
            left: false,
            overflow: false,
            hidden: false,
            frames: Vec::new(),
            bytes: 0,
        });
    }

    /// The replay of a member is finished: it gets what came meanwhile, and events
    /// from now on. `false` when that was more than may wait: it has to join anew.
    pub fn release_member<S: Socket>(
        &mut self,
        number: u64,
        slot: u32,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) -> bool {
        let Some(topic) = self.topics.get_mut(&number) else {
            return true;
        };
        let Some(index) = topic.buffered.iter().position(|member| member.slot == slot) else {
            return true;
        };
        let member = topic.buffered.swap_remove(index);
        let released = !member.overflow;
        if released {
            topic.settle_member(&member, sockets, now);
        }
        self.drop_empty(number);
        released
    }

    /// Takes the connection in `slot` out of a topic. A member whose replay is
    /// under way still gets what came up to now; says whether it is one.
    pub fn remove_member(&mut self, number: u64, slot: u32, keep_buffered: bool) -> bool {
        let Some(topic) = self.topics.get_mut(&number) else {
            return false;
        };
        for group in topic.groups.values_mut() {
            if let Some(index) = group.members.iter().position(|member| *member == slot) {
                group.members.swap_remove(index);
            }
        }
        if keep_buffered {
            for member in topic
                .buffered
                .iter_mut()
                .filter(|member| member.slot == slot)
            {
                member.left = true;
            }
        } else {
            topic.buffered.retain(|member| member.slot != slot);
        }
        let is_buffered = topic.buffered.iter().any(|member| member.slot == slot);
        self.drop_empty(number);
        is_buffered
    }

    /// Forgets groups without members, and the topic when it has none.
    fn drop_empty(&mut self, number: u64) {
        if let Some(topic) = self.topics.get_mut(&number) {
            let buffered = &topic.buffered;
            topic.groups.retain(|key, group| {
                !group.members.is_empty() || buffered.iter().any(|member| member.group == *key)
            });
            if topic.groups.is_empty() {
                self.topics.remove(&number);
            }
        }
    }

    /// Gives an event to those who see it.
    pub fn deliver_event<S: Socket>(
        &mut self,
        event: &Event,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        let Some(topic) = self.topics.get_mut(&event.topic) else {
            return;
        };
        let ephemeral = event.seq == 0;
        if !ephemeral {
            topic.last = event.seq;
        }
        for group in topic.groups.values_mut() {
            if !group.visibility.sees(event.channel) {
                group.hidden |= !ephemeral;
                continue;
            }
            if event.is_narrowed() {
                group.deliver_narrowed(event, sockets, now);
                continue;
            }
            if group.hidden && !ephemeral {
                // A client that counts must not take what is hidden for a hole.
                group.send_cursor(event.topic, event.seq.saturating_sub(1), sockets, now);
            }
            for slot in &group.members {
                sockets.push_event(*slot, event, now);
            }
        }
        // What is not stored is not worth holding.
        if !topic.buffered.is_empty() && !ephemeral {
            topic.buffer_event(event, self.config.buffer_bytes, sockets);
        }
    }

    /// Gives an event that changes rights to those who see it, and tells everyone
    /// who sees something else now.
    pub fn change_rights<S: Socket>(
        &mut self,
        change: &RightsChange,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        let before = change.event.as_ref().filter(|event| event.before);
        if let Some(event) = before {
            self.deliver_event(&event.event, sockets, now);
        }
        let slot = |(connection_id, ..): &Move| sockets.find_slot(*connection_id);
        let moves = change.moved.iter();
        let regrouping = Regrouping {
            change,
            moves: moves
                .filter_map(|moved| Some((slot(moved)?, moved)))
                .collect(),
        };
        if let Some(topic) = self.topics.get_mut(&change.topic) {
            topic.regroup_members(&regrouping, now);
        }
        let after = change.event.as_ref().filter(|event| !event.before);
        if let Some(event) = after {
            self.deliver_event(&event.event, sockets, now);
        }
        let bound = self.config.buffer_bytes;
        if let Some(topic) = self.topics.get_mut(&change.topic) {
            topic.notify_members(&regrouping, bound, sockets, now);
        }
        self.drop_empty(change.topic);
    }

    /// The registers of an account were changed up to a version: every session of
    /// it is told, those too that do not get events yet.
    pub fn send_registers<S: Socket>(
        &self,
        account: u64,
        version: u64,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        let registers = Registers { version };
        let frames = ControlFrames::new(opcode::REGISTERS, &registers);
        for slot in self.list_members(account) {
            sockets.push_control(slot, &frames, now);
        }
    }

    /// The topic goes on at `seq`; what was between is lost here, and its members are told.
    pub fn send_gap<S: Socket>(
        &mut self,
        number: u64,
        seq: u64,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        topic.last = seq;
        let gap = Gap { topic: number, seq };
        let frames = ControlFrames::new(opcode::GAP, &gap);
        for group in topic.groups.values() {
            for slot in &group.members {
                sockets.push_control(*slot, &frames, now);
            }
        }
        // Those who wait join anew, with a snapshot of their own.
        for member in &mut topic.buffered {
            member.give_up();
        }
    }

    /// All members of a topic.
    pub fn list_members(&self, number: u64) -> Vec<u32> {
        let Some(topic) = self.topics.get(&number) else {
            return Vec::new();
        };
        let members = topic.groups.values().flat_map(|group| &group.members);
        members
            .copied()
            .chain(topic.buffered.iter().map(|member| member.slot))
            .collect()
    }

    /// Carries groups past what they may not see.
    pub fn send_cursors<S: Socket>(&mut self, sockets: &mut Sockets<S>, now: Instant) {
        for (number, topic) in &mut self.topics {
            let last = topic.last;
            for group in topic.groups.values_mut() {
                if !group.hidden || now < group.cursor_at + self.config.cursor {
                    continue;
                }
                group.send_cursor(*number, last, sockets, now);
            }
        }
    }
}

fn make_cursor(topic: u64, seq: u64) -> Cursor {
    Cursor {
        topics: vec![TopicSeq { topic, seq }],
    }
}

impl MemberGroup {
    /// Carries the members past what they may not see.
    fn send_cursor<S: Socket>(
        &mut self,
        topic: u64,
        seq: u64,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        self.hidden = false;
        self.cursor_at = now;
        let cursor = make_cursor(topic, seq);
        let frames = ControlFrames::new(opcode::CURSOR, &cursor);
        for slot in &self.members {
            sockets.push_control(*slot, &frames, now);
        }
    }

    /// Gives an event to those of the members it is for: they are few, so they alone
    /// are carried past what was hidden. The others are, some time later.
    fn deliver_narrowed<S: Socket>(
        &mut self,
        event: &Event,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        let before = make_cursor(event.topic, event.seq.saturating_sub(1));
        for slot in &self.members {
            if !sockets
                .find_user(*slot)
                .is_some_and(|user| event.is_for(Some(user)))
            {
                continue;
            }
            if self.hidden
                && let Some(dialect) = sockets
                    .get_mut(*slot)
                    .map(|writer| writer.connection.dialect)
            {
                sockets.push_frame(*slot, &dialect.control(opcode::CURSOR, &before), now);
            }
            sockets.push_event(*slot, event, now);
        }
        self.hidden |= event.seq != 0;
    }
}

impl BufferedMember {
    fn give_up(&mut self) {
        self.overflow = true;
        self.frames = Vec::new();
    }

    fn buffer_frame(&mut self, frame: Bytes, bound: usize) {
        self.bytes += frame.len();
        self.frames.push(frame);
        if self.bytes > bound {
            self.give_up();
        }
    }

    const fn is_waiting(&self) -> bool {
        !self.overflow && !self.left
    }
}

impl TopicMembers {
    fn group(&mut self, key: GroupKey, now: Instant) -> &mut MemberGroup {
        self.groups.get_or_insert_with(key, || MemberGroup {
            visibility: Visibility::All,
            members: Vec::new(),
            hidden: false,
            cursor_at: now,
        })
    }

    fn buffer_event<S: Socket>(&mut self, event: &Event, bound: usize, sockets: &mut Sockets<S>) {
        for member in self
            .buffered
            .iter_mut()
            .filter(|member| member.is_waiting())
        {
            let group = self.groups.get(&member.group);
            let sees = group.is_some_and(|group| group.visibility.sees(event.channel))
                && event.is_for(sockets.find_user(member.slot));
            let Some(writer) = sockets.get_mut(member.slot) else {
                continue;
            };
            if !sees {
                member.hidden = true;
                continue;
            }
            let dialect = writer.connection.dialect;
            if std::mem::take(&mut member.hidden) {
                let before = make_cursor(event.topic, event.seq.saturating_sub(1));
                member.buffer_frame(dialect.control(opcode::CURSOR, &before), bound);
            }
            let frame = event.frames.frame_for(dialect, writer.connection.deflates);
            member.buffer_frame(frame.clone(), bound);
        }
    }

    /// Moves members to their groups, and changes what groups see.
    fn regroup_members(&mut self, regrouping: &Regrouping<'_>, now: Instant) {
        let Regrouping { change, moves } = regrouping;
        for (group, channels, _) in &change.groups {
            if let Some(group) = self.groups.get_mut(&Some(*group)) {
                group.visibility = Visibility::Channels(channels.clone());
            }
        }
        if moves.is_empty() {
            return;
        }
        // Once over all members, however many of them move: a room is large.
        let mut moving = Vec::new();
        for group in self.groups.values_mut() {
            let hidden = group.hidden;
            group.members.retain(|slot| {
                let stays = !moves.contains_key(slot);
                if !stays {
                    moving.push((*slot, hidden));
                }
                stays
            });
        }
        for (slot, hidden) in moving {
            if let Some((_, key, channels, _)) = moves.get(&slot) {
                let group = self.group(Some(*key), now);
                group.visibility = Visibility::Channels(channels.clone());
                group.hidden |= hidden;
                group.members.push(slot);
            }
        }
        let mut waiting = std::mem::take(&mut self.buffered);
        for member in &mut waiting {
            if let Some((_, key, channels, _)) = moves.get(&member.slot) {
                member.group = Some(*key);
                self.group(member.group, now).visibility = Visibility::Channels(channels.clone());
            }
        }
        self.buffered = waiting;
    }

    /// Tells those who see something else now what that is; it carries them past the event.
    fn notify_members<S: Socket>(
        &mut self,
        regrouping: &Regrouping<'_>,
        bound: usize,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        let Regrouping { change, moves } = regrouping;
        for (key, _, notice) in &change.groups {
            let (Some(group), Some(notice)) = (self.groups.get_mut(&Some(*key)), notice) else {
                continue;
            };
            let frames = ControlFrames::new(opcode::SIGHT, &**notice);
            // Who was moved here may have to be carried past more than the others.
            group.hidden &= group.members.iter().any(|slot| moves.contains_key(slot));
            for slot in group
                .members
                .iter()
                .filter(|slot| !moves.contains_key(slot))
            {
                sockets.push_control(*slot, &frames, now);
            }
        }
        for (slot, (.., notice)) in moves {
            let is_buffered = self.buffered.iter().any(|member| member.slot == *slot);
            if let (Some(notice), false) = (notice, is_buffered) {
                let frames = ControlFrames::new(opcode::SIGHT, &**notice);
                sockets.push_control(*slot, &frames, now);
            }
        }
        for member in self
            .buffered
            .iter_mut()
            .filter(|member| member.is_waiting())
        {
            let of_group = || {
                let mut groups = change.groups.iter();
                groups.find(|(key, ..)| Some(*key) == member.group)
            };
            let notice = match moves.get(&member.slot) {
                Some((.., notice)) => notice.as_ref(),
                None => of_group().and_then(|(_, _, notice)| notice.as_ref()),
            };
            if let (Some(notice), Some(writer)) = (notice, sockets.get_mut(member.slot)) {
                member.hidden = false;
                let frame = writer.connection.dialect.control(opcode::SIGHT, &**notice);
                member.buffer_frame(frame, bound);
            }
        }
    }

    /// A member whose replay is finished gets what waited, and events from now on.
    fn settle_member<S: Socket>(
        &mut self,
        member: &BufferedMember,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) {
        for frame in &member.frames {
            sockets.push_frame(member.slot, frame, now);
        }
        if !member.left {
            let group = self.group(member.group, now);
            group.hidden |= member.hidden;
            group.members.push(member.slot);
        }
    }
}
