//! The union: who is there by what all living gateways say. No I/O and no clock.

use std::{
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    time::Duration,
};

use foldhash::fast::RandomState;

use super::{Accounts, Told};
use crate::{ids::UserId, protocol::presence::PresenceState};

/// A gateway that said nothing for so long is gone, and its accounts with it. With a second
/// between two of its messages and one until it is noticed, its accounts are gone within ten.
pub const SILENCE: Duration = Duration::from_secs(8);
/// What counts at most as silence at once, a few ticks: a listener that stood still itself has not
/// listened meanwhile.
const STEP: Duration = Duration::from_secs(2);
/// How long a gateway that was asked has for its answer. Twice as long after each question: who
/// misses much has a link that is slow, and answers are large.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_PATIENCE: Duration = Duration::from_secs(16);
/// After so long without a question the next one waits as the first one does.
const CALM: Duration = Duration::from_mins(1);
/// How long it is known how far a gateway came that is gone: longer than what it told can be put
/// back, so that nobody makes it look alive.
const REMEMBERED: Duration = Duration::from_mins(3);
/// How many of those.
const MAX_REMEMBERED: usize = 1_000;
/// Gateways of which accounts are kept; more are not heard.
pub const MAX_GATEWAYS: usize = 500;
/// Accounts of the union: with more, those that come are not seen. Some 100 megabytes.
const MAX_ACCOUNTS: usize = 8_000_000;
/// In place of a gateway's slot: the account is at several.
const SEVERAL: u16 = 511;

/// An account in 8 bytes: its id (53 bits), the slot of its gateway (9), its state (2). Two of
/// them are equal when they are of the same account.
#[derive(Debug, Clone, Copy)]
struct Packed(u64);

impl Packed {
    const fn new(user: u64, slot: u16, state: PresenceState) -> Self {
        Self((user << 11) | ((slot as u64) << 2) | state.number() as u64)
    }

    const fn user(self) -> u64 {
        self.0 >> 11
    }

    const fn slot(self) -> u16 {
        ((self.0 >> 2) & 511) as u16
    }

    fn state(self) -> PresenceState {
        PresenceState::from_number((self.0 & 3) as u8).unwrap_or(PresenceState::Offline)
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.user() == other.user()
    }
}

impl Eq for Packed {}

impl Hash for Packed {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.user());
    }
}

/// What is known of a gateway.
#[derive(Debug)]
struct Gateway {
    slot: u16,
    /// The last of its numbers that was heard.
    number: u64,
    /// Something of it was missed.
    hole: bool,
    /// For how long it was not heard, while it could have been.
    silent: Duration,
    /// How long ago it was asked for all it has; none when it was not, or that was long ago.
    asked: Option<Duration>,
    /// How long after that it is asked again.
    patience: Duration,
    whole: Option<Gathering>,
}

/// A whole that is not complete yet.
#[derive(Debug)]
struct Gathering {
    number: u64,
    next: u32,
    accounts: Vec<(UserId, PresenceState)>,
}

/// Who is there.
#[derive(Debug, Default)]
pub struct Union {
    accounts: HashSet<Packed, RandomState>,
    /// Where those are that are at several gateways.
    several: HashMap<u64, Vec<(u16, PresenceState)>, RandomState>,
    gateways: HashMap<String, Gateway, RandomState>,
    /// The last number of each that is gone, and for how long it is.
    gone: HashMap<String, (u64, Duration), RandomState>,
    /// Of each account that changed, its state when changes were last taken.
    dirty: HashMap<u64, PresenceState, RandomState>,
    holes: u64,
}

impl Union {
    /// Hears what was told on the channel; questions are for the gateways themselves.
    pub fn hear(&mut self, told: Told) {
        match told {
            Told::Changes {
                gateway,
                number,
                accounts,
                at: _,
            } => self.hear_changes(&gateway, number, &accounts),
            Told::Whole {
                gateway,
                number,
                piece,
                last,
                accounts,
                at: _,
            } => self.hear_whole(&gateway, (number, piece, last), &accounts),
            Told::Ask { .. } => {}
        }
    }

    fn hear_changes(&mut self, name: &str, number: u64, accounts: &Accounts) {
        if self.is_known(name, number) {
            return;
        }
        let Some(gateway) = self.gateway(name) else {
            return;
        };
        gateway.silent = Duration::ZERO;
        let missed = number > gateway.number + 1;
        let found = missed && !gateway.hole;
        gateway.hole |= missed;
        gateway.number = number;
        let slot = gateway.slot;
        self.holes += u64::from(found);
        for (user, state) in accounts.iter() {
            self.set(user.get(), slot, state);
        }
    }

    fn hear_whole(
        &mut self,
        name: &str,
        (number, piece, last): (u64, u32, bool),
        accounts: &Accounts,
    ) {
        // It says nothing of whether the gateway lives: that only a new number does.
        let Some(gateway) = self.gateways.get_mut(name) else {
            return;
        };
        // Nothing is missing that it could tell.
        if number < gateway.number || (number == gateway.number && !gateway.hole) {
            gateway.whole = None;
            return;
        }
        if piece == 0 {
            gateway.whole = Some(Gathering {
                number,
                next: 0,
                accounts: Vec::new(),
            });
        }
        let expected = gateway.whole.take();
        let Some(mut whole) = expected.filter(|it| (it.number, it.next) == (number, piece)) else {
            return;
        };
        whole.next += 1;
        whole.accounts.extend(accounts.iter());
        if !last && whole.accounts.len() < MAX_ACCOUNTS {
            gateway.whole = Some(whole);
            return;
        }
        gateway.number = number;
        gateway.hole = false;
        let slot = gateway.slot;
        self.replace(slot, &whole.accounts);
    }

    /// The accounts of a gateway are these and no others.
    fn replace(&mut self, slot: u16, accounts: &[(UserId, PresenceState)]) {
        let there: HashSet<u64, RandomState> =
            accounts.iter().map(|(user, _)| user.get()).collect();
        for user in self.list_of(slot) {
            if !there.contains(&user) {
                self.set(user, slot, PresenceState::Offline);
            }
        }
        for (user, state) in accounts {
            self.set(user.get(), slot, *state);
        }
    }

    /// Whether a number of a gateway, there or gone, was heard before, or is older than one that was.
    fn is_known(&self, name: &str, number: u64) -> bool {
        let there = self.gateways.get(name).map(|gateway| gateway.number);
        let last = there.or_else(|| self.gone.get(name).map(|(last, _)| *last));
        last.is_some_and(|last| number <= last)
    }

    /// A gateway, known or new; none when there are too many.
    fn gateway(&mut self, name: &str) -> Option<&mut Gateway> {
        if !self.gateways.contains_key(name) {
            let taken: HashSet<u16> = self.gateways.values().map(|known| known.slot).collect();
            let most = u16::try_from(MAX_GATEWAYS).unwrap_or(SEVERAL);
            let slot = (0..most).find(|slot| !taken.contains(slot))?;
            // What it has told before is kept no more.
            let gone = self.gone.remove(name);
            let new = Gateway {
                slot,
                number: gone.map_or(0, |(last, _)| last),
                hole: gone.is_some(),
                silent: Duration::ZERO,
                asked: None,
                patience: PATIENCE,
                whole: None,
            };
            self.gateways.insert(name.to_owned(), new);
        }
        self.gateways.get_mut(name)
    }

    /// Time passed; gateways could be heard in it or not. Answers how many are gone by now.
    pub fn pass_time(&mut self, passed: Duration, hears: bool) -> usize {
        let passed = passed.min(STEP);
        let mut gone = Vec::new();
        for (name, gateway) in &mut self.gateways {
            gateway.asked = gateway.asked.map(|since| since + passed);
            if gateway.asked.is_some_and(|since| since >= CALM) {
                (gateway.asked, gateway.patience) = (None, PATIENCE);
            }
            if hears {
                gateway.silent += passed;
            }
            if gateway.silent >= SILENCE {
                gone.push((name.clone(), gateway.slot, gateway.number));
            }
        }
        self.gone.retain(|_, (_, since)| {
            *since += passed;
            *since < REMEMBERED
        });
        let count = gone.len();
        for (name, slot, number) in gone {
            self.gateways.remove(&name);
            for user in self.list_of(slot) {
                self.set(user, slot, PresenceState::Offline);
            }
            if self.gone.len() < MAX_REMEMBERED {
                self.gone.insert(name, (number, Duration::ZERO));
            }
        }
        count
    }

    /// Whether something was missed that did not come yet.
    pub fn has_holes(&self) -> bool {
        self.gateways.values().any(|gateway| gateway.hole)
    }

    /// The gateways that are to be asked now for all that they have.
    pub fn take_questions(&mut self) -> Vec<String> {
        let due = self.gateways.iter_mut().filter(|(_, gateway)| {
            let waits = gateway.asked.is_some_and(|since| since < gateway.patience);
            gateway.hole && !waits
        });
        due.map(|(name, gateway)| {
            if gateway.asked.replace(Duration::ZERO).is_some() {
                gateway.patience = (gateway.patience * 2).min(MAX_PATIENCE);
            }
            name.clone()
        })
        .collect()
    }

    /// How an account is.
    pub fn state(&self, user: UserId) -> PresenceState {
        self.state_of(user.get())
    }

    /// How it was when changes were last taken.
    pub fn told_state(&self, user: UserId) -> PresenceState {
        let before = self.dirty.get(&user.get()).copied();
        before.unwrap_or_else(|| self.state(user))
    }

    /// The accounts whose state is another one than when this was last asked.
    pub fn take_changes(&mut self) -> Vec<(UserId, PresenceState)> {
        let dirty = std::mem::take(&mut self.dirty);
        let changed = dirty.into_iter().filter_map(|(user, before)| {
            let now = self.state_of(user);
            (now != before).then_some((UserId::new(user)?, now))
        });
        changed.collect()
    }

    /// How many accounts are there.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// How many gateways are heard.
    pub fn count_gateways(&self) -> usize {
        self.gateways.len()
    }

    /// The incarnations of the gateways that are heard.
    pub fn gateways(&self) -> impl Iterator<Item = &str> {
        self.gateways.keys().map(String::as_str)
    }

    /// How many holes were found since this was last asked.
    pub const fn take_holes(&mut self) -> u64 {
        let holes = self.holes;
        self.holes = 0;
        holes
    }

    fn state_of(&self, user: u64) -> PresenceState {
        let probe = Packed::new(user, 0, PresenceState::Offline);
        let found = self.accounts.get(&probe);
        found.map_or(PresenceState::Offline, |packed| packed.state())
    }

    /// The accounts of a gateway: looks at all, as it is done when one is gone, or told all it has.
    fn list_of(&self, slot: u16) -> Vec<u64> {
        let at = |packed: &&Packed| match packed.slot() {
            SEVERAL => self
                .several
                .get(&packed.user())
                .is_some_and(|places| places.iter().any(|(place, _)| *place == slot)),
            of => of == slot,
        };
        let found = self.accounts.iter().filter(at);
        found.map(|packed| packed.user()).collect()
    }

    /// How an account is at one gateway.
    fn set(&mut self, user: u64, slot: u16, state: PresenceState) {
        let probe = Packed::new(user, slot, state);
        let Some(known) = self.accounts.get(&probe).copied() else {
            if state != PresenceState::Offline && self.accounts.len() < MAX_ACCOUNTS {
                self.note(user, PresenceState::Offline);
                self.accounts.insert(probe);
            }
            return;
        };
        let mut places = match known.slot() {
            SEVERAL => self.several.remove(&user).unwrap_or_default(),
            of if of == slot => Vec::new(),
            of => vec![(of, known.state())],
        };
        places.retain(|(place, _)| *place != slot);
        if state != PresenceState::Offline {
            places.push((slot, state));
        }
        self.note(user, known.state());
        match places.as_slice() {
            [] => {
                self.accounts.remove(&known);
            }
            [(place, state)] => {
                self.accounts.replace(Packed::new(user, *place, *state));
            }
            _ => {
                let state = join_states(&places);
                self.accounts.replace(Packed::new(user, SEVERAL, state));
                self.several.insert(user, places);
            }
        }
    }

    fn note(&mut self, user: u64, before: PresenceState) {
        self.dirty.entry(user).or_insert(before);
    }
}

/// How an account is that is at several gateways: what says more wins. Who does not want to be
/// disturbed says so everywhere; idle is who is idle everywhere.
fn join_states(places: &[(u16, PresenceState)]) -> PresenceState {
    let states = places.iter().map(|(_, state)| *state);
    let rank = |state: &PresenceState| match state {
        PresenceState::Offline => 0,
        PresenceState::Idle => 1,
        PresenceState::Online => 2,
        PresenceState::Dnd => 3,
    };
    states.max_by_key(rank).unwrap_or(PresenceState::Offline)
}

#[cfg(test)]
mod tests;
