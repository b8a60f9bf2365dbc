//! Holds what a session was sent against what its person was due, event by event.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Result, bail};
use shared::protocol::{control::TopicSeq, server::ServerLeft};

use super::model::{Fact, Server};
use crate::client::log::Seen;

/// Faults that are told in words; the rest is counted.
const TOLD: usize = 12;
/// Events that are kept in words.
const WORDS: usize = 120;

/// Whether an event goes to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Must,
    May,
    Never,
}

/// What an event does to its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Comes,
    Goes,
    Stays,
}

/// What one person was due.
#[derive(Debug, Default)]
struct Path {
    /// By seq, from 1.
    dues: Vec<Due>,
    /// When each channel came into sight and went from it.
    turns: BTreeMap<u64, Vec<(u64, bool)>>,
    /// When the person came and went.
    standing: Vec<(u64, bool)>,
    sees: BTreeSet<u64>,
}

impl Path {
    /// The channels in sight after event `seq`.
    fn sight(&self, seq: u64) -> BTreeSet<u64> {
        let turns = self.turns.iter();
        let seen = turns.filter(|(_, turns)| last(turns, seq) == Some(true));
        seen.map(|(channel, _)| *channel).collect()
    }

    fn sees(&self, channel: u64, seq: u64) -> bool {
        self.turns
            .get(&channel)
            .is_some_and(|turns| last(turns, seq) == Some(true))
    }

    /// Whether the channel went from sight after `from`, up to `to`.
    fn loses(&self, channel: u64, from: u64, to: u64) -> bool {
        self.turns
            .get(&channel)
            .is_some_and(|turns| turned(turns, false, from, to))
    }

    fn left(&self, from: u64, to: u64) -> bool {
        turned(&self.standing, false, from, to)
    }

    fn joined(&self, from: u64, to: u64) -> bool {
        turned(&self.standing, true, from, to)
    }
}

fn last(turns: &[(u64, bool)], seq: u64) -> Option<bool> {
    let before = turns.iter().rev().find(|(at, _)| *at <= seq);
    before.map(|(_, seen)| *seen)
}

fn turned(turns: &[(u64, bool)], to_what: bool, from: u64, to: u64) -> bool {
    turns
        .iter()
        .any(|(at, what)| *what == to_what && (from + 1..=to).contains(at))
}

/// The log of a server's topic, and what each person was due of it.
#[derive(Debug)]
pub(super) struct Ledger {
    server: Server,
    /// The channel of each event, and what becomes of it.
    about: Vec<Option<(u64, Kind)>>,
    /// The last events in words, for who has to find out what went wrong.
    words: VecDeque<String>,
    paths: BTreeMap<u64, Path>,
}

impl Ledger {
    /// Begins behind event `head`, which left the server as it is given.
    pub(super) fn new(server: Server, head: u64, people: &[u64]) -> Self {
        let begin = |user: &u64| {
            let sees = server.seen_by(*user);
            let path = Path {
                dues: vec![Due::May; usize::try_from(head).unwrap_or_default()],
                turns: sees.iter().map(|id| (*id, vec![(0, true)])).collect(),
                standing: vec![(0, server.members.contains_key(user))],
                sees,
            };
            (*user, path)
        };
        Self {
            paths: people.iter().map(begin).collect(),
            about: vec![None; usize::try_from(head).unwrap_or_default()],
            words: VecDeque::new(),
            server,
        }
    }

    /// The last events in words.
    pub(super) fn words(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        words.join("; ")
    }

    /// The last event.
    pub(super) const fn head(&self) -> u64 {
        self.about.len() as u64
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
        let paths = self.paths.values();
        paths
            .flat_map(|path| path.turns.values())
            .map(Vec::len)
            .sum()
    }

    /// Goes on by one event.
    pub(super) fn push(&mut self, seq: u64, fact: &Fact) -> Result<()> {
        if seq != self.head() + 1 {
            bail!("the log has event {seq} behind {}", self.head());
        }
        self.words.push_back(format!("{seq}: {fact:?}"));
        if self.words.len() > WORDS {
            self.words.pop_front();
        }
        self.server.apply(fact);
        let moves = !matches!(fact, Fact::Said(_) | Fact::Unknown);
        for (user, path) in &mut self.paths {
            let before = path.sees.clone();
            if moves {
                path.sees = self.server.seen_by(*user);
                for channel in before.symmetric_difference(&path.sees) {
                    let shown = path.sees.contains(channel);
                    path.turns.entry(*channel).or_default().push((seq, shown));
                }
                let member = self.server.members.contains_key(user);
                if last(&path.standing, seq) != Some(member) {
                    path.standing.push((seq, member));
                }
            }
            let member = self.server.members.contains_key(user);
            let due = match fact {
                Fact::Unknown => Due::May,
                Fact::Joined(who, _) | Fact::Left(who) if who == user => Due::May,
                Fact::Joined(..) | Fact::Left(_) => must(member),
                Fact::Deleted(channel) => must(before.contains(channel)),
                Fact::Created(channel, _) | Fact::Changed(channel, _) | Fact::Said(channel) => {
                    must(path.sees.contains(channel))
                }
            };
            path.dues.push(due);
        }
        self.about.push(match fact {
            Fact::Created(channel, _) => Some((*channel, Kind::Comes)),
            Fact::Changed(channel, _) | Fact::Said(channel) => Some((*channel, Kind::Stays)),
            Fact::Deleted(channel) => Some((*channel, Kind::Goes)),
            _ => None,
        });
        Ok(())
    }
}

const fn must(due: bool) -> Due {
    if due { Due::Must } else { Due::Never }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Events that were due and did not come.
    pub(super) lost: usize,
    /// Of channels that went: nobody said so.
    pub(super) ghosts: usize,
    /// Events that came and were not due.
    pub(super) leaks: usize,
    /// Events and cursors that went back.
    pub(super) disorder: usize,
    /// Gaps that need not have been.
    pub(super) gaps: usize,
    /// Events that came.
    pub(super) received: usize,
    /// Sessions that went on.
    pub(super) resumes: usize,
    /// Notices of what came into sight or went from it.
    pub(super) notices: usize,
    /// Sessions that were left with another picture than the true one.
    pub(super) wrong: usize,
    /// The first faults in words.
    pub(super) told: Vec<String>,
}

impl Tally {
    pub(super) fn tell(&mut self, text: String) {
        if self.told.len() < TOLD {
            self.told.push(text);
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
    pub(super) fn follow(&mut self, ledger: &Ledger, seen: &[Seen], tally: &mut Tally) {
        self.replay = None;
        for seen in seen {
            self.see(ledger, seen, tally);
        }
    }

    /// The session has seen the end of what was due up to `seq`: a member has to be there.
    pub(super) fn arrive(&mut self, ledger: &Ledger, seq: u64, seen: &[Seen], tally: &mut Tally) {
        if ledger.holds(self.user) {
            let Some(at) = self.at else {
                tally.lost += 1;
                return tally.tell(format!("{} was never led into the topic", self.name));
            };
            self.skip(ledger, at, seq, tally);
            let path = ledger.paths.get(&self.user);
            let true_one = path.map(|path| path.sight(seq)).unwrap_or_default();
            if self.picture != true_one {
                tally.wrong += 1;
                let wrong = self.picture.symmetric_difference(&true_one);
                let turns: Vec<_> = wrong
                    .map(|channel| (channel, path.and_then(|path| path.turns.get(channel))))
                    .collect();
                tally.tell(format!(
                    "{} has another picture than the true one: {turns:?}; member {:?}; told {}",
                    self.name,
                    path.map(|path| &path.standing),
                    steps(seen, self.topic)
                ));
            }
        }
    }

    fn see(&mut self, ledger: &Ledger, seen: &Seen, tally: &mut Tally) {
        match seen {
            Seen::Opened {
                resumed, topics, ..
            } => {
                let begins = topics.iter().find(|place| place.topic == self.topic);
                tally.resumes += usize::from(*resumed);
                if *resumed && self.holds && begins.is_some() {
                    self.replay = self.at;
                } else {
                    self.begin(ledger, begins.map(|place| place.seq));
                }
            }
            Seen::Cursor { topics } => {
                let topic = self.topic;
                for place in topics.iter().filter(|place| place.topic == topic) {
                    self.carry(ledger, place.seq, None, tally);
                }
            }
            Seen::Gap { topic, seq } if *topic == self.topic => {
                let from = self.at.unwrap_or_default();
                let excused = ledger
                    .paths
                    .get(&self.user)
                    .is_some_and(|path| path.joined(from, *seq));
                if !excused && self.holds {
                    tally.gaps += 1;
                    tally.tell(format!("{}: a gap from {from} to {seq}", self.name));
                }
                self.begin(ledger, Some(*seq));
            }
            Seen::Sight {
                topic,
                seq,
                shown,
                hidden,
            } if *topic == self.topic => {
                tally.notices += 1;
                self.carry(ledger, *seq, Some(*seq), tally);
                self.picture.extend(shown);
                self.picture.retain(|channel| !hidden.contains(channel));
            }
            Seen::Event { topic, seq, .. } if *topic == self.topic && *seq > 0 => {
                self.event(ledger, *seq, tally);
            }
            Seen::Event { .. } => {
                if let Some(ServerLeft { server_id }) = seen.event()
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
    fn carry(&mut self, ledger: &Ledger, seq: u64, noticed: Option<u64>, tally: &mut Tally) {
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
                tally.disorder += 1;
                tally.tell(format!("{}: a cursor from {at} back to {seq}", self.name));
            }
            Some(at) if noticed.is_some() => self.skip(ledger, at, seq - 1, tally),
            Some(at) => self.skip(ledger, at, seq, tally),
            None => {}
        }
        self.at = Some(seq);
        self.noticed = noticed;
    }

    fn joined_at(&self, ledger: &Ledger, seq: u64) -> bool {
        let path = ledger.paths.get(&self.user);
        path.is_some_and(|path| path.joined(seq.saturating_sub(1), seq))
    }

    fn event(&mut self, ledger: &Ledger, seq: u64, tally: &mut Tally) {
        tally.received += 1;
        let at = self.at.unwrap_or(seq - 1);
        if self.noticed.take_if(|noticed| *noticed == seq).is_some() {
            // Its notice came first.
        } else if seq <= at {
            tally.disorder += 1;
            tally.tell(format!("{}: event {seq} came after {at}", self.name));
        } else {
            if self.holds {
                self.skip(ledger, at, seq - 1, tally);
            }
            self.at = Some(seq);
        }
        if let Some((channel, Kind::Comes)) = about(ledger, seq) {
            self.picture.insert(channel);
        } else if let Some((channel, Kind::Goes)) = about(ledger, seq) {
            self.picture.remove(&channel);
        }
        if self.due(ledger, seq) == Some(Due::Never) {
            tally.leaks += 1;
            tally.tell(format!(
                "{}: event {seq} was not for him: {:?}",
                self.name,
                about(ledger, seq)
            ));
        }
    }

    fn due(&self, ledger: &Ledger, seq: u64) -> Option<Due> {
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        ledger.paths.get(&self.user)?.dues.get(index).copied()
    }

    /// Nothing came of what is behind `from`, up to `to`.
    fn skip(&self, ledger: &Ledger, from: u64, to: u64, tally: &mut Tally) {
        for seq in from + 1..=to {
            if self.due(ledger, seq) == Some(Due::Must) && !self.excused(ledger, seq, to) {
                let about = about(ledger, seq);
                if matches!(about, Some((_, Kind::Goes))) {
                    tally.ghosts += 1;
                } else {
                    tally.lost += 1;
                }
                tally.tell(format!(
                    "{}: event {seq} never came: {about:?}; he was at {from}, then at {to}",
                    self.name
                ));
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
        match about(ledger, seq) {
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
        Seen::Cursor { topics } => of(topics).map(|seq| format!("cursor({seq})")),
        Seen::Gap { topic: of, seq } if *of == topic => Some(format!("gap({seq})")),
        Seen::Sight {
            topic: of,
            seq,
            shown,
            hidden,
        } if *of == topic => Some(format!("sight({seq}, +{shown:?}, -{hidden:?})")),
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

fn about(ledger: &Ledger, seq: u64) -> Option<(u64, Kind)> {
    let index = usize::try_from(seq.checked_sub(1)?).ok()?;
    ledger.about.get(index).copied().flatten()
}
