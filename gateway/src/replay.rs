//! Replays: what a session missed, by the rights as of each event.
//!
//! The fan-out knows who sees what as of its own place. A replay undoes the
//! changes of rights between the session's place and that one, and folds them
//! forward again while it reads the log.

use bytes::Bytes;
use shared::{
    bus::envelope::Effect,
    domain::{
        permissions::{Standing, Structure},
        rights::Change,
    },
    frame::opcode,
    ids::{ChannelId, UserId},
    protocol::control::{Cursor, Sight, TopicSeq},
};

use crate::{
    dialect::Dialect,
    event::Event,
    fanout::{message::Rights, sights::gained},
};

/// What one session saw of a server, event by event.
pub struct Past {
    structure: Structure,
    standing: Standing,
    sight: Vec<ChannelId>,
    /// What it sees at the end: nothing else is shown.
    finally: Vec<ChannelId>,
}

impl Past {
    /// As of the place before `changes`, the last of which made `rights` what they
    /// are; `standing` is as of then, too.
    pub fn new(rights: &Rights, standing: &Standing, changes: &[Vec<Change>]) -> Self {
        let mut structure = Structure::clone(&rights.structure);
        let mut standing = standing.clone();
        let finally = structure.sight(&standing);
        for change in changes.iter().rev().flat_map(|event| event.iter().rev()) {
            // Who left is not the one who resumes.
            if let Some(undone) = change.reversed() {
                structure.apply(&undone, true);
                standing.apply(&undone);
            }
        }
        Self {
            sight: structure.sight(&standing),
            structure,
            standing,
            finally,
        }
    }

    /// Whether an event is shown that changes no rights.
    fn shows(&self, event: &Event) -> bool {
        event.channel.is_none_or(|channel| {
            let sees = |sight: &[ChannelId]| sight.binary_search(&channel).is_ok();
            sees(&self.sight) && sees(&self.finally)
        })
    }

    /// Folds a change of rights; whether its event is shown, and what the session
    /// sees otherwise after it.
    fn fold(&mut self, event: &Event, changes: &[Change]) -> (bool, Option<Sight>) {
        let gone = event
            .channel
            .filter(|channel| changes.iter().any(|change| change.removes(*channel)));
        let saw = gone.is_some_and(|channel| self.sight.binary_search(&channel).is_ok());
        for change in changes {
            self.structure.apply(change, true);
            self.standing.apply(change);
        }
        let after = self.structure.sight(&self.standing);
        let before = std::mem::replace(&mut self.sight, after);
        let notice = Sight {
            topic: event.topic,
            seq: event.seq,
            shown: gained(&before, &self.sight),
            hidden: gained(&self.sight, &before),
        };
        let is_empty = notice.shown.is_empty() && notice.hidden.is_empty();
        let shown = if gone.is_some() {
            saw
        } else {
            self.shows(event)
        };
        (shown, (!is_empty).then_some(notice))
    }
}

/// Turns events into the frames of one session.
pub struct Frames {
    dialect: Dialect,
    user: UserId,
    /// Something was hidden since the last frame.
    pub hidden: bool,
    /// What is to be sent.
    pub frames: Vec<Bytes>,
}

impl Frames {
    /// For a session of `user` that speaks `dialect`.
    pub const fn new(dialect: Dialect, user: UserId) -> Self {
        Self {
            dialect,
            user,
            hidden: false,
            frames: Vec::new(),
        }
    }

    /// Adds an event; `past` is none for an account's own topic.
    pub fn add(&mut self, event: &Event, effect: Option<&Effect>, past: Option<&mut Past>) {
        let (shown, notice) = match (past, effect) {
            (None, _) => (true, None),
            (Some(past), Some(Effect::Rights { changes, .. })) => past.fold(event, changes),
            (Some(past), _) => (past.shows(event), None),
        };
        if shown && event.is_for(Some(self.user)) {
            if std::mem::take(&mut self.hidden) {
                // A client that counts must not take what is hidden for a hole.
                self.cursor(event.topic, event.seq.saturating_sub(1));
            }
            self.frames.push(event.frame(self.dialect).clone());
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
    pub fn cursor(&mut self, topic: u64, seq: u64) {
        let cursor = Cursor {
            topics: vec![TopicSeq { topic, seq }],
        };
        self.frames
            .push(self.dialect.control(opcode::CURSOR, &cursor));
    }
}
