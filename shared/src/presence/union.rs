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
/// How long a gateway that was asked has for its answer.
const PATIENCE: Duration = Duration::from_secs(2);
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
    /// How long ago it was asked for all it has; none when it was not.
    asked: Option<Duration>,
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
            } => self.hear_changes(&gateway, number, &accounts),
            Told::Whole {
                gateway,
                number,
                piece,
                last,
                accounts,
            } => self.hear_whole(&gateway, (number, piece, last), &accounts),
            Told::Ask { .. } => {}
        }
    }

    fn hear_changes(&mut self, name: &str, number: u64, accounts: &Accounts) {
        let Some(gateway) = self.gateway(name) else {
            return;
        };
        gateway.silent = Duration::ZERO;
        if number <= gateway.number {
            return;
        }
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
        let Some(gateway) = self.gateway(name) else {
            return;
        };
        gateway.silent = Duration::ZERO;
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
        gateway.asked = None;
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

    /// A gateway, known or new; none when there are too many.
    fn gateway(&mut self, name: &str) -> Option<&mut Gateway> {
        if !self.gateways.contains_key(name) {
            let taken: HashSet<u16> = self.gateways.values().map(|known| known.slot).collect();
            let most = u16::try_from(MAX_GATEWAYS).unwrap_or(SEVERAL);
            let slot = (0..most).find(|slot| !taken.contains(slot))?;
            let new = Gateway {
                slot,
                number: 0,
                hole: false,
                silent: Duration::ZERO,
                asked: None,
                whole: None,
            };
            self.gateways.insert(name.to_owned(), new);
        }
        self.gateways.get_mut(name)
    }

    /// Time passed; gateways could be heard in it or not. Answers how many are gone by now.
    pub fn pass_time(&mut self, passed: Duration, hears: bool) -> usize {
        let mut gone = Vec::new();
        for (name, gateway) in &mut self.gateways {
            gateway.asked = gateway.asked.map(|since| since + passed);
            if hears {
                gateway.silent += passed;
            }
            if gateway.silent >= SILENCE {
                gone.push((name.clone(), gateway.slot));
            }
        }
        for (name, slot) in &gone {
            self.gateways.remove(name);
            for user in self.list_of(*slot) {
                self.set(user, *slot, PresenceState::Offline);
            }
        }
        gone.len()
    }

    /// The gateways that are to be asked now for all that they have.
    pub fn take_questions(&mut self) -> Vec<String> {
        let due = self.gateways.iter_mut().filter(|(_, gateway)| {
            gateway.hole && gateway.asked.is_none_or(|since| since >= PATIENCE)
        });
        due.map(|(name, gateway)| {
            gateway.asked = Some(Duration::ZERO);
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
