//! Replays: what a session missed, by the rights as of each event.
//!
//! The fan-out knows who sees what as of its own place. A replay undoes the
//! changes of rights between the session's place and that one, and folds them
//! forward again while it reads the log.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    domain::{
        permissions::{Standing, Structure},
        rights::Change,
    },
    frame::opcode,
    ids::{ChannelId, UserId},
    protocol::control::{Cursor, Sight, TopicSeq},
};

use crate::{
    delivery::event::Event,
    dialect::Dialect,
    fanout::{effect::Consequence, message::Rights, views::gained},
};

/// What one session saw of a server, event by event.
pub struct PastView {
    structure: Arc<Structure>,
    standing: Standing,
    visible: Vec<ChannelId>,
    /// What it sees at the end: nothing else is shown.
    finally: Vec<ChannelId>,
}

impl PastView {
    /// As of the place before `changes`, the last of which made `rights` what they
    /// are; `standing` is as of then, too.
    pub fn new(rights: &Rights, standing: &Standing, changes: &[Vec<Change>]) -> Self {
        // Shared with everyone else, as long as nothing of it changes.
        let mut structure = Arc::clone(&rights.structure);
        let mut standing = standing.clone();
        let finally = structure.sight(&standing);
        for change in changes.iter().rev().flat_map(|event| event.iter().rev()) {
            // Who left is not the one who resumes.
            if let Some(undone) = change.reversed() {
                apply_change(&mut structure, &mut standing, &undone);
            }
        }
        Self {
            visible: structure.sight(&standing),
            structure,
            standing,
            finally,
        }
    }

    /// Whether an event is shown that changes no rights.
    fn shows_event(&self, event: &Event) -> bool {
        event.channel.is_none_or(|channel| {
            let sees = |channels: &[ChannelId]| channels.binary_search(&channel).is_ok();
            sees(&self.visible) && sees(&self.finally)
        })
    }

    /// Folds a change of rights; whether its event is shown, and what the session
    /// sees otherwise after it.
    fn fold_rights(&mut self, event: &Event, changes: &[Change]) -> (bool, Option<Sight>) {
        let gone = event
            .channel
            .filter(|channel| changes.iter().any(|change| change.removes(*channel)));
        let saw = gone.is_some_and(|channel| self.visible.binary_search(&channel).is_ok());
        let mut touched = false;
        for change in changes {
            touched |= apply_change(&mut self.structure, &mut self.standing, change);
        }
        if !touched {
            // Somebody else left, or holds other roles.
            return (self.shows_event(event), None);
        }
        let after = self.structure.sight(&self.standing);
        let before = std::mem::replace(&mut self.visible, after);
        let notice = Sight {
            topic: event.topic,
            seq: event.seq,
            shown: gained(&before, &self.visible),
            hidden: gained(&self.visible, &before),
        };
        let is_empty = notice.shown.is_empty() && notice.hidden.is_empty();
        let shown = if gone.is_some() {
            saw
        } else {
            self.shows_event(event)
        };
        (shown, (!is_empty).then_some(notice))
    }
}

/// Makes a change true; whether it may concern this session.
fn apply_change(structure: &mut Arc<Structure>, standing: &mut Standing, change: &Change) -> bool {
    if change.is_structural() {
        Arc::make_mut(structure).apply(change, true);
        return true;
    }
    standing.apply(change)
}

/// Turns events into the frames of one session.
pub struct ReplayFrames {
    dialect: Dialect,
    deflates: bool,
    user: UserId,
    /// Something was hidden since the last frame.
    pub hidden: bool,
    /// What is to be sent.
    pub frames: Vec<Bytes>,
}

impl ReplayFrames {
    /// For a session of `user` that speaks `dialect` and may have agreed on compression.
    pub const fn new(dialect: Dialect, deflates: bool, user: UserId) -> Self {
        Self {
            dialect,
            deflates,
            user,
            hidden: false,
            frames: Vec::new(),
        }
    }

    /// Adds an event; `past` is none for an account's own topic.
    pub fn add_event(
        &mut self,
        event: &Event,
        consequence: &Consequence<'_>,
        past: Option<&mut PastView>,
    ) {
        let (shown, notice) = match (past, consequence) {
            (None, _) => (true, None),
            (Some(past), Consequence::Rights { changes, .. }) => past.fold_rights(event, changes),
            (Some(past), _) => (past.shows_event(event), None),
        };
        if shown && event.is_for(Some(self.user)) {
            if std::mem::take(&mut self.hidden) {
                // A client that counts must not take what is hidden for a hole.
                self.add_cursor(event.topic, event.seq.saturating_sub(1));
            }
            let frame = event.frames.frame_for(self.dialect, self.deflates);
            self.frames.push(frame.clone());
        } else {
            self.hidden = true;
        }
        if let Some(notice) = notice {
            self.hidden = false;
            self.frames
                .push(self.dialect.control(opcode::SIGHT, &notice));
        }
    }

    /// Carries the client to a place.
    pub fn add_cursor(&mut self, topic: u64, seq: u64) {
        let cursor = Cursor {
            topics: vec![TopicSeq { topic, seq }],
        };
        self.frames
            .push(self.dialect.control(opcode::CURSOR, &cursor));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use shared::{
        bus::envelope::Envelope,
        domain::permissions::{Override, Permissions, TargetKind, everyone_role},
        ids::{RoleId, ServerId},
    };

    use super::*;
    use crate::fanout::views::Views;

    const ME: u64 = 7;

    fn channel(n: u64) -> ChannelId {
        ChannelId::new(n).unwrap()
    }

    /// What happens next, in numbers.
    type Step = (u8, u64, u8, bool, bool);

    /// The changes of a step, by the structure and the roles as they are.
    fn changes(structure: &Structure, standing: &Standing, step: Step) -> Vec<Change> {
        let (kind, number, target, first, second) = step;
        let seen = Permissions::VIEW_CHANNEL;
        let some = |given| if given { seen } else { Permissions::empty() };
        let role = RoleId::new(50 + u64::from(target % 2)).unwrap();
        let channel = channel(10 + number % 3);
        let overrides = structure.channels.get(&channel);
        match kind % 5 {
            0 => vec![Change::Role {
                role,
                before: structure.roles.get(&role).copied(),
                after: second.then(|| some(first)),
            }],
            1 => vec![Change::Roles {
                user: standing.user,
                since: standing.since,
                before: standing.roles.clone(),
                after: if first { vec![role] } else { Vec::new() },
            }],
            2 => vec![Change::Channel {
                channel,
                before: overrides.cloned(),
                after: overrides.is_none().then(Vec::new),
            }],
            3 if overrides.is_some() => {
                let (kind, target) = match target % 3 {
                    0 => (TargetKind::Role, structure.server.get()),
                    1 => (TargetKind::Role, role.get()),
                    _ => (TargetKind::Member, ME),
                };
                let before = overrides.into_iter().flatten();
                let mut before = before.filter(|o| (o.kind, o.target) == (kind, target));
                vec![Change::Override {
                    channel,
                    before: before.next().cloned(),
                    after: second.then(|| Override {
                        kind,
                        target,
                        allow: some(first),
                        deny: some(!first),
                    }),
                }]
            }
            _ => Vec::new(),
        }
    }

    proptest! {
        /// Live and in a replay from any place, a session sees the same, as far as it
        /// still sees it at the end; and both see what the structure of the moment shows.
        #[test]
        fn a_replay_shows_what_was_live(
            steps in proptest::collection::vec(any::<Step>(), 1..40), from in any::<prop::sample::Index>(),
        ) {
            let server = ServerId::new(4_096_321).unwrap();
            let mut structure = Structure {
                server,
                owner: UserId::new(99).unwrap(),
                roles: BTreeMap::from([(everyone_role(server), Permissions::VIEW_CHANNEL)]),
                channels: BTreeMap::from([(channel(10), Vec::new())]),
                announcements: std::collections::BTreeSet::new(),
            };
            let mut standing = Standing {
                user: UserId::new(ME).unwrap(), roles: Vec::new(), since: 0, changed: 0,
            };
            let mut live = Views::new(structure.clone(), 0, 0);
            let (mut group, _) = live.enter(standing.user, &[]);
            let place = from.index(steps.len());
            let (mut log, mut saw) = (Vec::new(), Vec::new());
            for (seq, step) in (1..).zip(&steps) {
                let changes = changes(&structure, &standing, *step);
                let before = structure.sight(&standing);
                for change in &changes {
                    structure.apply(change, false);
                    standing.apply(change);
                }
                let follows = live.version();
                let folded = live.fold(seq, follows, &changes).unwrap();
                for regroup in &folded.regroup {
                    let roles = regroup.roles.as_ref().map(|(_, roles)| &roles[..]);
                    if regroup.user == standing.user
                        && let Some((now, _)) = live.regroup(group, regroup.user, roles)
                    {
                        group = now;
                    }
                }
                let after = structure.sight(&standing);
                prop_assert_eq!(&live.group_channels(group)[..], &after[..]);
                let about = channel(10 + step.1 % 3);
                let gone = changes.iter().any(|change| change.removes(about));
                let shown = if gone { &before } else { &after }.contains(&about);
                saw.push((shown, gone, gained(&before, &after), gained(&after, &before)));
                log.push((about, changes));
            }
            let rights = Rights { structure: Arc::clone(live.structure()), version: live.version() };
            let crossed: Vec<Vec<Change>> = log[place..].iter().map(|(_, c)| c.clone()).collect();
            let mut past = PastView::new(&rights, &standing, &crossed);
            let finally = structure.sight(&standing);
            for (index, (about, changes)) in log.iter().enumerate().skip(place) {
                let event = Event::new(&Envelope {
                    topic: server.get(), seq: index as u64 + 1, after: 0, visibility: Some(about.get()),
                    audience: None, key: None, effect: None, opcode: 16, body: Bytes::new(), trace: None,
                });
                let (shown, notice) = past.fold_rights(&event, changes);
                let (was, gone, gained, lost) = &saw[index];
                prop_assert_eq!(shown, *was && (*gone || finally.contains(about)));
                let notice = notice.map(|n| (n.shown, n.hidden)).unwrap_or_default();
                prop_assert_eq!(notice, (gained.clone(), lost.clone()));
            }
        }
    }
}
