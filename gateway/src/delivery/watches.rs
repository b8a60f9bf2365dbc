//! Who watches whose presence, of the connections of a shard.
//!
//! A change is looked up once for each account, and its frame is made once for all who are told
//! the same: most of those who hear of a popular account hear of nobody else in that second.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use shared::{
    error::{Reason, Refusal},
    frame,
    ids::UserId,
    protocol::{
        Event as _, encode,
        presence::{PresenceChange, PresenceChanged, PresenceState},
    },
};
use tokio::time::Instant;

use super::{message::PresenceChanges, sockets::Sockets};
use crate::{dialect::frames::EventFrames, transport::socket::Socket};

/// Servers in which one connection watches.
const MAX_SERVERS: usize = 5;
/// Accounts that one connection watches, in all of its servers together.
const MAX_ACCOUNTS: usize = 500;
/// How many changes are told in a turn of a shard, counted for each connection that hears of one:
/// some milliseconds, and half a megabyte. With the watchers of one more account, which are told
/// together. What is left is told in turns, and frames, of their own: only the end of a whole
/// gateway makes so many.
const PAIRS: usize = 65_536;

/// The watches of a shard.
#[derive(Debug, Default)]
pub struct Watches {
    /// What each connection watches.
    by_slot: HashMap<u32, Vec<Watch>, RandomState>,
    /// The slots of those who watch each account.
    watchers: HashMap<u64, HashSet<u32, RandomState>, RandomState>,
    /// Who is to be told of which change: used again each second.
    pairs: Vec<(u32, u32)>,
}

#[derive(Debug)]
struct Watch {
    server: u64,
    accounts: Box<[u64]>,
}

impl Watches {
    /// A connection watches these accounts of a server, in place of those before.
    pub fn set(&mut self, slot: u32, server: u64, accounts: Vec<u64>) -> Result<(), Refusal> {
        let known = self.by_slot.get(&slot).map_or(&[][..], Vec::as_slice);
        let others = known.iter().filter(|watch| watch.server != server);
        let (servers, count) = others.fold((0, 0), |(servers, count), watch| {
            (servers + 1, count + watch.accounts.len())
        });
        if !accounts.is_empty() && (servers >= MAX_SERVERS || count + accounts.len() > MAX_ACCOUNTS)
        {
            return Err(Reason::LimitReached.into());
        }
        self.remove_server(slot, server);
        if accounts.is_empty() {
            return Ok(());
        }
        for account in &accounts {
            self.watchers.entry(*account).or_default().insert(slot);
        }
        let accounts = accounts.into_boxed_slice();
        let watches = self.by_slot.entry(slot).or_default();
        watches.push(Watch { server, accounts });
        Ok(())
    }

    /// A connection watches nobody of a server any more.
    pub fn remove_server(&mut self, slot: u32, server: u64) {
        let Some(watches) = self.by_slot.get_mut(&slot) else {
            return;
        };
        let Some(index) = watches.iter().position(|watch| watch.server == server) else {
            return;
        };
        let gone = watches.swap_remove(index);
        if watches.is_empty() {
            self.by_slot.remove(&slot);
        }
        for account in gone.accounts {
            self.drop_watcher(slot, account);
        }
    }

    /// A connection has ended.
    pub fn remove_slot(&mut self, slot: u32) {
        for watch in self.by_slot.remove(&slot).unwrap_or_default() {
            for account in watch.accounts {
                self.drop_watcher(slot, account);
            }
        }
    }

    /// An account has left a server.
    pub fn drop_account(&mut self, server: u64, account: u64) {
        let slots = self.watchers.get(&account);
        let slots: Vec<u32> = slots.into_iter().flatten().copied().collect();
        for slot in slots {
            let watches = self.by_slot.get_mut(&slot).into_iter().flatten();
            for watch in watches.filter(|watch| watch.server == server) {
                let left = watch.accounts.iter().filter(|other| **other != account);
                watch.accounts = left.copied().collect();
            }
            self.drop_watcher(slot, account);
        }
    }

    /// Whether a connection watches an account, in any server.
    pub fn is_watched(&self, slot: u32, account: u64) -> bool {
        let slots = self.watchers.get(&account);
        slots.is_some_and(|slots| slots.contains(&slot))
    }

    /// A slot watches an account no longer, unless it does in another server.
    fn drop_watcher(&mut self, slot: u32, account: u64) {
        let watches = self.by_slot.get(&slot).map_or(&[][..], Vec::as_slice);
        if watches
            .iter()
            .any(|watch| watch.accounts.contains(&account))
        {
            return;
        }
        if let Some(slots) = self.watchers.get_mut(&account) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.watchers.remove(&account);
            }
        }
    }

    /// Tells each connection in one frame what changed of the accounts that it watches, from one
    /// of the changes on; answers where the next turn goes on, if that was enough for one.
    pub fn deliver<S: Socket>(
        &mut self,
        changes: &PresenceChanges,
        from: usize,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) -> Option<usize> {
        let next = self.gather_pairs(&changes.changes, from);
        self.pairs.sort_unstable();
        let mut made: HashMap<Vec<u32>, EventFrames, RandomState> = HashMap::default();
        let mut numbers = Vec::new();
        for told in self.pairs.chunk_by(|one, other| one.0 == other.0) {
            numbers.clear();
            numbers.extend(told.iter().map(|(_, number)| *number));
            let Some((slot, _)) = told.first() else {
                continue;
            };
            if let Some(frames) = made.get(&numbers) {
                sockets.push_frames(*slot, frames, now);
                continue;
            }
            let frames = write_frames(numbers.iter().filter_map(|number| {
                let (user_id, state) = *changes.changes.get(*number as usize)?;
                Some(PresenceChange { user_id, state })
            }));
            sockets.push_frames(*slot, &frames, now);
            made.insert(numbers.clone(), frames);
        }
        self.pairs.clear();
        self.pairs.shrink_to(PAIRS);
        next
    }

    /// Finds who is told of which change; answers the first change that found no room.
    fn gather_pairs(&mut self, changes: &[(UserId, PresenceState)], from: usize) -> Option<usize> {
        for (number, (user, _)) in changes.iter().enumerate().skip(from) {
            let Some(slots) = self.watchers.get(&user.get()) else {
                continue;
            };
            if self.pairs.len() >= PAIRS {
                return Some(number);
            }
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            self.pairs.extend(slots.iter().map(|slot| (*slot, number)));
        }
        None
    }

    /// How many accounts are watched, and by how many connections.
    pub fn count(&self) -> (usize, usize) {
        (self.watchers.len(), self.by_slot.len())
    }
}

/// The event that tells of these changes: of no topic, and without a place.
pub fn write_frames(changes: impl IntoIterator<Item = PresenceChange>) -> EventFrames {
    let changed = PresenceChanged {
        changes: changes.into_iter().collect(),
    };
    let body = encode(&changed);
    EventFrames::new(frame::websocket_event(0, 0, PresenceChanged::OPCODE, &body).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_connection_watches_in_so_many_servers_so_many_accounts() {
        let mut watches = Watches::default();
        let full = |from: u64, count: u64| (from..from + count).collect::<Vec<u64>>();
        for server in 1..=5 {
            watches.set(9, server, full(server * 1_000, 100)).unwrap();
        }
        let refused = watches.set(9, 6, full(1, 1)).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitReached);
        watches.set(9, 5, full(1, 101)).unwrap_err();
        assert_eq!(watches.count(), (500, 1), "a refusal changes nothing");
        watches.set(9, 5, Vec::new()).unwrap();
        watches.set(9, 6, full(1, 100)).unwrap();
        watches.set(8, 6, full(1, 200)).unwrap();
        watches.remove_slot(9);
        assert_eq!(watches.count(), (200, 1));
        watches.remove_server(8, 6);
        assert_eq!(watches.count(), (0, 0));
    }

    #[test]
    fn more_changes_than_a_turn_tells_are_told_in_several() {
        let mut watches = Watches::default();
        let everyone: Vec<u64> = (1..=200).collect();
        for slot in 0..1_000 {
            watches.set(slot, 1, everyone.clone()).unwrap();
        }
        let user = |number| UserId::new(number).unwrap();
        // Half of them are watched by nobody.
        let changes: Vec<_> = (1..=400)
            .map(|number| (user(number), PresenceState::Online))
            .collect();
        let (mut from, mut turns, mut told) = (Some(0), 0, 0);
        while let Some(begin) = from {
            from = watches.gather_pairs(&changes, begin);
            assert!(watches.pairs.len() <= PAIRS + 1_000);
            told += watches.pairs.len();
            watches.pairs.clear();
            turns += 1;
        }
        assert_eq!((told, turns), (200_000, 4));
    }

    #[derive(Debug, Clone)]
    enum Deed {
        Set(u32, u64, Vec<u64>),
        Leave(u32, u64),
        End(u32),
        Left(u64, u64),
    }

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        let accounts = prop::collection::hash_set(0_u64..6, 0..5)
            .prop_map(|accounts| accounts.into_iter().collect());
        let deed = prop_oneof![
            5 => (0_u32..4, 0_u64..3, accounts).prop_map(|(slot, server, accounts)| Deed::Set(slot, server, accounts)),
            1 => (0_u32..4, 0_u64..3).prop_map(|(slot, server)| Deed::Leave(slot, server)),
            1 => (0_u32..4).prop_map(Deed::End),
            2 => (0_u64..3, 0_u64..6).prop_map(|(server, account)| Deed::Left(server, account)),
        ];
        prop::collection::vec(deed, 0..60)
    }

    proptest! {
        #[test]
        fn whoever_is_watched_is_found_and_nobody_else(deeds in deeds()) {
            let mut watches = Watches::default();
            let mut due: Vec<(u32, u64, u64)> = Vec::new();
            for deed in deeds {
                match deed {
                    Deed::Set(slot, server, accounts) => {
                        watches.set(slot, server, accounts.clone()).unwrap();
                        due.retain(|it| (it.0, it.1) != (slot, server));
                        due.extend(accounts.into_iter().map(|account| (slot, server, account)));
                    }
                    Deed::Leave(slot, server) => {
                        watches.remove_server(slot, server);
                        due.retain(|it| (it.0, it.1) != (slot, server));
                    }
                    Deed::End(slot) => {
                        watches.remove_slot(slot);
                        due.retain(|it| it.0 != slot);
                    }
                    Deed::Left(server, account) => {
                        watches.drop_account(server, account);
                        due.retain(|it| (it.1, it.2) != (server, account));
                    }
                }
                let known: HashSet<(u32, u64)> = watches
                    .watchers
                    .iter()
                    .flat_map(|(account, slots)| slots.iter().map(|slot| (*slot, *account)))
                    .collect();
                let due: HashSet<(u32, u64)> = due.iter().map(|it| (it.0, it.2)).collect();
                prop_assert_eq!(known, due);
            }
        }
    }
}
