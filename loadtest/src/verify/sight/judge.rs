//! Holds what a session was sent against what its person was due, event by event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::{Result, bail};
use shared::protocol::{control::TopicSeq, server::ServerLeft};

use super::model::{Fact, Server};
use crate::{checker, client::log::Seen, verify::outcome::Outcome};

/// Events that are kept in words.
const WORDS: usize = 120;

/// What an event does to its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Comes,
    Goes,
    Stays,
}

/// What one person saw: after the event that the ledger begins behind, and after each since.
#[derive(Debug)]
struct Path {
    begin: u64,
    sights: Vec<Arc<BTreeSet<u64>>>,
    members: Vec<bool>,
}

impl Path {
    fn index(&self, seq: u64) -> usize {
        let index = usize::try_from(seq.saturating_sub(self.begin)).unwrap_or(usize::MAX);
        index.min(self.sights.len().saturating_sub(1))
    }

    /// The channels in sight after event `seq`.
    fn sight(&self, seq: u64) -> BTreeSet<u64> {
        let sight = self.sights.get(self.index(seq));
        sight.map(|sight| (**sight).clone()).unwrap_or_default()
    }

    fn sees(&self, channel: u64, seq: u64) -> bool {
        let sight = self.sights.get(self.index(seq));
        sight.is_some_and(|sight| sight.contains(&channel))
    }

    fn is_member(&self, seq: u64) -> bool {
        self.members.get(self.index(seq)) == Some(&true)
    }

    /// Whether the channel went from sight after `from`, up to `to`.
    fn loses(&self, channel: u64, from: u64, to: u64) -> bool {
        (from..to).any(|seq| self.sees(channel, seq) && !self.sees(channel, seq + 1))
    }

    fn left(&self, from: u64, to: u64) -> bool {
        (from..to).any(|seq| self.is_member(seq) && !self.is_member(seq + 1))
    }

    fn joined(&self, from: u64, to: u64) -> bool {
        (from..to).any(|seq| !self.is_member(seq) && self.is_member(seq + 1))
    }
}

/// The log of a server's topic, and what each person saw after each event of it.
#[derive(Debug)]
pub(super) struct Ledger {
    server: Server,
    begin: u64,
    facts: Vec<Fact>,
    paths: BTreeMap<u64, Path>,
}

impl Ledger {
    /// Begins behind event `begin`, which left the server as it is given.
    pub(super) fn new(server: Server, begin: u64, people: &[u64]) -> Self {
        let path = |user: &u64| {
            let path = Path {
                begin,
                sights: vec![Arc::new(server.seen_by(*user))],
                members: vec![server.members.contains_key(user)],
            };
            (*user, path)
        };
        Self {
            paths: people.iter().map(path).collect(),
            facts: Vec::new(),
            begin,
            server,
        }
    }

    /// The last events in words, for who has to find out what went wrong.
    pub(super) fn words(&self) -> String {
        let numbered: Vec<(u64, &Fact)> = (self.begin + 1..).zip(&self.facts).collect();
        let last = numbered.get(numbered.len().saturating_sub(WORDS)..);
        format!("{:?}", last.unwrap_or_default())
    }

    /// The last event.
    pub(super) const fn head(&self) -> u64 {
        self.begin + self.facts.len() as u64
    }

    /// Whether somebody is a member after the last event.
    pub(super) fn holds(&self, user: u64) -> bool {
        self.server.members.contains_key(&user)
    }

    /// The channels that somebody sees after the last event.
    pub(super) fn sight(&self, user: u64) -> BTreeSet<u64> {
        self.server.seen_by(user)
    }

    /// How often a channel came into somebody's sight or went from it.
    pub(super) fn turns(&self) -> usize {
        let pairs = self.paths.values().flat_map(|path| path.sights.windows(2));
        let turns = pairs.map(|pair| match pair {
            [before, after] => before.symmetric_difference(after).count(),
            _ => 0,
        });
        turns.sum()
    }

    /// How often something was said that a member did not see.
    pub(super) fn hidden(&self) -> usize {
        let is_hidden =
            |path: &Path, channel: u64, seq: u64| path.is_member(seq) && !path.sees(channel, seq);
        let said = (self.begin + 1..)
            .zip(&self.facts)
            .filter_map(|(seq, fact)| match fact {
                Fact::Said(channel) => Some((*channel, seq)),
                _ => None,
            });
        said.map(|(channel, seq)| {
            let unseen = self
                .paths
                .values()
                .filter(|path| is_hidden(path, channel, seq));
            unseen.count()
        })
        .sum()
    }

    /// Goes on by one event.
    pub(super) fn push(&mut self, seq: u64, fact: Fact) -> Result<()> {
        if seq != self.head() + 1 {
            bail!("the log has event {seq} behind {}", self.head());
        }
        self.server.apply(&fact);
        let moves = !matches!(fact, Fact::Said(_) | Fact::Unknown);
        for (user, path) in &mut self.paths {
            let before = path.sights.last().map(Arc::clone).unwrap_or_default();
            path.sights.push(if moves {
                Arc::new(self.server.seen_by(*user))
            } else {
                before
            });
            path.members.push(self.server.members.contains_key(user));
        }
        self.facts.push(fact);
        Ok(())
    }

    fn fact(&self, seq: u64) -> Option<&Fact> {
        let index = seq.checked_sub(self.begin + 1)?;
        self.facts.get(usize::try_from(index).ok()?)
    }

    /// Whether an event goes to somebody; none where it may or may not.
    fn due(&self, user: u64, seq: u64) -> Option<bool> {
        let path = self.paths.get(&user)?;
        match self.fact(seq)? {
            Fact::Unknown => None,
            Fact::Joined(who, _) | Fact::Left(who) if *who == user => None,
            Fact::Joined(..) | Fact::Left(_) => Some(path.is_member(seq)),
            Fact::Deleted(channel) => Some(path.sees(*channel, seq - 1)),
            Fact::Created(channel, _) | Fact::Changed(channel, _) | Fact::Said(channel) => {
                Some(path.sees(*channel, seq))
            }
        }
    }

    /// The channel of an event, and what becomes of it.
    fn about(&self, seq: u64) -> Option<(u64, Kind)> {
        match self.fact(seq)? {
            Fact::Created(channel, _) => Some((*channel, Kind::Comes)),
            Fact::Changed(channel, _) | Fact::Said(channel) => Some((*channel, Kind::Stays)),
            Fact::Deleted(channel) => Some((*channel, Kind::Goes)),
            _ => None,
        }
    }
}

/// One session, as far as it was judged.
#[derive(Debug)]
pub(super) struct Reader {
    name: String,
    user: u64,
    topic: u64,
    /// Up to here the session has everything.
    at: Option<u64>,
    /// Whether the session holds the topic: it does not between leaving and joining.
    holds: bool,
    /// Where a replay began that may be under way.
    replay: Option<u64>,
    /// A notice came for this event.
    noticed: Option<u64>,
    /// The channels that it must think it sees.
    picture: BTreeSet<u64>,
}

impl Reader {
    pub(super) const fn new(name: String, user: u64, topic: u64) -> Self {
        Self {
            name,
            user,
            topic,
            at: None,
            holds: false,
            replay: None,
            noticed: None,
            picture: BTreeSet::new(),
        }
    }

    /// Judges what the session saw since the last time; all of the log is in the ledger.
    pub(super) fn follow(&mut self, ledger: &Ledger, seen: &[Seen], outcome: &mut Outcome) {
        self.replay = None;
        for seen in seen {
            self.see(ledger, seen, outcome);
        }
    }

    /// The session has seen the end of what was due up to `seq`: a member has to be there.
    pub(super) fn arrive(
        &mut self,
        ledger: &Ledger,
        seq: u64,
        seen: &[Seen],
        outcome: &mut Outcome,
    ) {
        if ledger.holds(self.user) {
            let Some(at) = self.at else {
                return outcome.fault(
                    checker::Kind::Lost,
                    format!("{} was never led into the topic", self.name),
                );
            };
            self.skip(ledger, at, seq, outcome);
            let path = ledger.paths.get(&self.user);
            let true_one = path.map(|path| path.sight(seq)).unwrap_or_default();
            if self.picture != true_one {
                let wrong: Vec<_> = self.picture.symmetric_difference(&true_one).collect();
                let text = format!(
                    "{} has another picture than the true one at {seq}: {wrong:?}; told {}; the log: {}",
                    self.name,
                    steps(seen, self.topic),
                    ledger.words()
                );
                outcome.fault(checker::Kind::Wrong, text);
            }
        }
    }

    fn see(&mut self, ledger: &Ledger, seen: &Seen, outcome: &mut Outcome) {
        match seen {
            Seen::Opened {
                resumed, topics, ..
            } => {
                let begins = topics.iter().find(|place| place.topic == self.topic);
                outcome.counts.resumes += usize::from(*resumed);
                if *resumed && self.holds && begins.is_some() {
                    self.replay = self.at;
                } else {
                    self.begin(ledger, begins.map(|place| place.seq));
                }
            }
            Seen::Cursor(cursor) => {
                let topic = self.topic;
                for place in cursor.topics.iter().filter(|place| place.topic == topic) {
                    self.carry(ledger, place.seq, None, outcome);
                }
            }
            Seen::Gap(gap) if gap.topic == self.topic => {
                let from = self.at.unwrap_or_default();
                let excused = ledger
                    .paths
                    .get(&self.user)
                    .is_some_and(|path| path.joined(from, gap.seq));
                if !excused && self.holds {
                    outcome.counts.gaps += 1;
                    outcome.find(format!("{}: a gap from {from} to {}", self.name, gap.seq));
                }
                self.begin(ledger, Some(gap.seq));
            }
            Seen::Sight(sight) if sight.topic == self.topic => {
                self.carry(ledger, sight.seq, Some(sight.seq), outcome);
                self.picture.extend(sight.shown.iter().map(|id| id.get()));
                for channel in &sight.hidden {
                    self.picture.remove(&channel.get());
                }
            }
            Seen::Event { topic, seq, .. } if *topic == self.topic && *seq > 0 => {
                self.event(ledger, *seq, outcome);
            }
            Seen::Event { .. } => {
                if let Some(ServerLeft { server_id, .. }) = seen.event()
                    && server_id.get() == self.topic
                {
                    self.holds = false;
                }
            }
            _ => {}
        }
    }

    /// The session has everything up to here, or from here on what it fetches.
    fn begin(&mut self, ledger: &Ledger, at: Option<u64>) {
        self.at = at;
        self.holds = at.is_some();
        let path = ledger.paths.get(&self.user);
        self.picture = path
            .zip(at)
            .map(|(path, at)| path.sight(at))
            .unwrap_or_default();
    }

    /// A place without an event; or one that a notice tells of, so that its event may
    /// come as well, or be left out.
    fn carry(&mut self, ledger: &Ledger, seq: u64, noticed: Option<u64>, outcome: &mut Outcome) {
        // Who left may still get the end of the membership before; a new one begins behind
        // its joining.
        if self.joined_at(ledger, seq) && self.at.is_none_or(|at| at < seq) {
            self.begin(ledger, Some(seq));
            self.replay = Some(seq);
            return;
        }
        if !self.holds {
            return;
        }
        match self.at {
            Some(at) if seq < at => {
                outcome.fault(
                    checker::Kind::Order,
                    format!("{}: a cursor from {at} back to {seq}", self.name),
                );
            }
            Some(at) if noticed.is_some() => self.skip(ledger, at, seq - 1, outcome),
            Some(at) => self.skip(ledger, at, seq, outcome),
            None => {}
        }
        self.at = Some(seq);
        self.noticed = noticed;
    }

    fn joined_at(&self, ledger: &Ledger, seq: u64) -> bool {
        let path = ledger.paths.get(&self.user);
        path.is_some_and(|path| path.joined(seq.saturating_sub(1), seq))
    }

    fn event(&mut self, ledger: &Ledger, seq: u64, outcome: &mut Outcome) {
        outcome.counts.received += 1;
        let at = self.at.unwrap_or(seq - 1);
        if self.noticed.take_if(|noticed| *noticed == seq).is_some() {
            // Its notice came first.
        } else if seq <= at {
            outcome.fault(
                checker::Kind::Order,
                format!("{}: event {seq} came after {at}", self.name),
            );
        } else {
            if self.holds {
                self.skip(ledger, at, seq - 1, outcome);
            }
            self.at = Some(seq);
        }
        if let Some((channel, Kind::Comes)) = ledger.about(seq) {
            self.picture.insert(channel);
        } else if let Some((channel, Kind::Goes)) = ledger.about(seq) {
            self.picture.remove(&channel);
        }
        if ledger.due(self.user, seq) == Some(false) {
            outcome.fault(
                checker::Kind::Wrong,
                format!(
                    "{}: event {seq} was not for him: {:?}",
                    self.name,
                    ledger.about(seq)
                ),
            );
        }
    }

    /// Nothing came of what is behind `from`, up to `to`.
    fn skip(&self, ledger: &Ledger, from: u64, to: u64, outcome: &mut Outcome) {
        for seq in from + 1..=to {
            if ledger.due(self.user, seq) == Some(true) && !self.excused(ledger, seq, to) {
                let about = ledger.about(seq);
                let text = format!(
                    "{}: event {seq} never came: {about:?}; he was at {from}, then at {to}",
                    self.name
                );
                outcome.fault(checker::Kind::Lost, text);
            }
        }
    }

    /// Who leaves may miss what came before; a replay leaves out what is no longer
    /// in sight at its end, which is not behind the end of the log.
    fn excused(&self, ledger: &Ledger, seq: u64, to: u64) -> bool {
        let Some(path) = ledger.paths.get(&self.user) else {
            return true;
        };
        if path.left(seq, to) {
            return true;
        }
        let Some(began) = self.replay else {
            return false;
        };
        match ledger.about(seq) {
            Some((channel, Kind::Goes)) => !path.sees(channel, began),
            Some((channel, _)) => path.loses(channel, seq, ledger.head()),
            None => false,
        }
    }
}

/// What a session was told of a topic, in short.
pub(super) fn steps(log: &[Seen], topic: u64) -> String {
    let steps: Vec<String> = log.iter().filter_map(|seen| step(seen, topic)).collect();
    steps.join(" ")
}

/// What a session was told, in short; none where it does not concern the topic.
fn step(seen: &Seen, topic: u64) -> Option<String> {
    let of = |topics: &[TopicSeq]| {
        topics
            .iter()
            .find(|place| place.topic == topic)
            .map(|p| p.seq)
    };
    match seen {
        Seen::Opened {
            resumed, topics, ..
        } => Some(format!("opened({resumed}, {:?})", of(topics))),
        Seen::Cursor(cursor) => of(&cursor.topics).map(|seq| format!("cursor({seq})")),
        Seen::Gap(gap) if gap.topic == topic => Some(format!("gap({})", gap.seq)),
        Seen::Sight(sight) if sight.topic == topic => Some(format!("{sight:?}")),
        Seen::Event { topic: of, seq, .. } if *of == topic && *seq > 0 => Some(seq.to_string()),
        Seen::Event {
            topic: of,
            seq,
            opcode,
            ..
        } if *of != topic => Some(format!("own({seq}: {opcode})")),
        Seen::Lost { .. } => Some("lost".to_owned()),
        _ => None,
    }
}
