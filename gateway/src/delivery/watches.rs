//! Who watches whose presence, of the connections of a shard, and how each knows those it watches.
//!
//! What changed is told in *rounds*, one connection after the other and some in each turn of the
//! shard, so that events pass in between. Each connection gets one frame with all that it does
//! not know yet. What changes meanwhile is one map, from which the next round is made: however
//! many accounts change how often, a connection is told once in a round, and a round begins at
//! most once a second. A frame is made once for all who are told the same.

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
use crate::{
    dialect::frames::EventFrames,
    limits::memory_budget::{MemoryBudget, MemoryCharge},
    transport::socket::Socket,
};

/// Servers in which one connection watches.
const MAX_SERVERS: usize = 5;
/// Accounts that one connection watches, in all of its servers together.
const MAX_ACCOUNTS: usize = 500;
/// Connections that are told in a turn of a shard: as many as it writes to in one.
const CONNECTIONS: usize = 1_024;
/// Comparisons in a turn: less than a millisecond.
const COMPARISONS: usize = 65_536;
/// What a watched account takes for each connection that watches it, in bytes, and what it takes
/// besides.
const PAIR_BYTES: usize = 24;
const ACCOUNT_BYTES: usize = 96;

/// The watches of a shard.
#[derive(Debug)]
pub struct Watches {
    /// What each connection watches.
    by_slot: HashMap<u32, Vec<Watch>, RandomState>,
    /// The slots of those who watch each account.
    watchers: HashMap<u64, HashSet<u32, RandomState>, RandomState>,
    /// Accounts that connections watch, each counted for each.
    pairs: usize,
    /// What the next round tells: how accounts look that are watched here.
    pending: HashMap<u64, PresenceState, RandomState>,
    /// When the first of it was found.
    since: Option<Instant>,
    round: Option<Round>,
    /// How many rounds began.
    rounds: u64,
    /// What of the gateway's memory they take.
    charge: MemoryCharge,
}

/// Who is still to be told of what.
#[derive(Debug)]
struct Round {
    number: u64,
    changes: HashMap<u64, PresenceState, RandomState>,
    slots: Vec<u32>,
    since: Instant,
}

#[derive(Debug)]
struct Watch {
    server: u64,
    /// The last round that had begun before it. What that tells is older than what this
    /// connection was answered.
    round: u64,
    /// By account.
    known: Vec<Known>,
}

/// An account, and how a connection knows it, in 8 bytes: an id has 53 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Known(u64);

impl Known {
    const fn new(account: u64, state: PresenceState) -> Self {
        Self((account << 2) | state.number() as u64)
    }

    const fn account(self) -> u64 {
        self.0 >> 2
    }

    fn change(self) -> Option<PresenceChange> {
        Some(PresenceChange {
            user_id: UserId::new(self.account())?,
            state: PresenceState::from_number((self.0 & 3) as u8)?,
        })
    }
}

impl Watch {
    fn find(&self, account: u64) -> Option<usize> {
        let found = self.known.binary_search_by_key(&account, |it| it.account());
        found.ok()
    }

    /// Takes in what it does not know yet, and says what that was; answers how much was compared.
    fn take_news(
        &mut self,
        changes: &HashMap<u64, PresenceState, RandomState>,
        news: &mut Vec<Known>,
    ) -> usize {
        let mut learn = |known: &mut Known, state: PresenceState| {
            let now = Known::new(known.account(), state);
            if std::mem::replace(known, now) != now {
                news.push(now);
            }
        };
        if changes.len() < self.known.len() {
            for (account, state) in changes {
                let place = self.find(*account);
                if let Some(known) = place.and_then(|place| self.known.get_mut(place)) {
                    learn(known, *state);
                }
            }
            return changes.len();
        }
        for known in &mut self.known {
            if let Some(state) = changes.get(&known.account()) {
                learn(known, *state);
            }
        }
        self.known.len()
    }
}

impl Watches {
    /// Nobody watches yet.
    pub fn new(memory: &MemoryBudget) -> Self {
        Self {
            by_slot: HashMap::default(),
            watchers: HashMap::default(),
            pairs: 0,
            pending: HashMap::default(),
            since: None,
            round: None,
            rounds: 0,
            charge: memory.charge(),
        }
    }

    /// A connection watches these accounts of a server, in place of those before, and knows how
    /// they look.
    pub fn set(
        &mut self,
        slot: u32,
        server: u64,
        accounts: Vec<(u64, PresenceState)>,
    ) -> Result<(), Refusal> {
        let watches = self.by_slot.get(&slot).map_or(&[][..], Vec::as_slice);
        let others = watches.iter().filter(|watch| watch.server != server);
        let (servers, count) = others.fold((0, 0), |(servers, count), watch| {
            (servers + 1, count + watch.known.len())
        });
        if !accounts.is_empty() && (servers >= MAX_SERVERS || count + accounts.len() > MAX_ACCOUNTS)
        {
            return Err(Reason::LimitReached.into());
        }
        self.remove_server(slot, server);
        if accounts.is_empty() {
            return Ok(());
        }
        let known = accounts.into_iter();
        let mut known: Vec<Known> = known.map(|(id, state)| Known::new(id, state)).collect();
        known.sort_unstable();
        known.dedup_by_key(|it| it.account());
        for it in &known {
            self.watchers.entry(it.account()).or_default().insert(slot);
        }
        self.pairs += known.len();
        let round = self.rounds;
        let watches = self.by_slot.entry(slot).or_default();
        watches.push(Watch {
            server,
            round,
            known,
        });
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
        self.drop_watch(slot, &gone);
    }

    /// A connection has ended.
    pub fn remove_slot(&mut self, slot: u32) {
        for watch in self.by_slot.remove(&slot).unwrap_or_default() {
            self.drop_watch(slot, &watch);
        }
    }

    fn drop_watch(&mut self, slot: u32, watch: &Watch) {
        self.pairs -= watch.known.len();
        for known in &watch.known {
            self.drop_watcher(slot, known.account());
        }
    }

    /// An account has left a server.
    pub fn drop_account(&mut self, server: u64, account: u64) {
        let slots = self.watchers.get(&account);
        let slots: Vec<u32> = slots.into_iter().flatten().copied().collect();
        for slot in slots {
            let watches = self.by_slot.get_mut(&slot).into_iter().flatten();
            for watch in watches.filter(|watch| watch.server == server) {
                if let Some(place) = watch.find(account) {
                    watch.known.remove(place);
                    self.pairs -= 1;
                }
            }
            self.drop_watcher(slot, account);
        }
    }

    /// A slot watches an account no longer, unless it does in another server.
    fn drop_watcher(&mut self, slot: u32, account: u64) {
        let watches = self.by_slot.get(&slot).map_or(&[][..], Vec::as_slice);
        if watches.iter().any(|watch| watch.find(account).is_some()) {
            return;
        }
        if let Some(slots) = self.watchers.get_mut(&account) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.watchers.remove(&account);
            }
        }
    }

    /// A second is over, and accounts look so now. A round begins with it, unless one is under way.
    pub fn take_changes(&mut self, told: &PresenceChanges) {
        for (user, state) in &told.changes {
            if self.watchers.contains_key(&user.get()) {
                self.pending.insert(user.get(), *state);
                self.since.get_or_insert(told.at);
            }
        }
        if self.round.is_some() {
            return;
        }
        let Some(since) = self.since.take() else {
            return;
        };
        let changes = std::mem::take(&mut self.pending);
        self.rounds += 1;
        self.round = Some(Round {
            number: self.rounds,
            slots: self.list_slots(&changes),
            changes,
            since,
        });
    }

    /// Who may have to be told: those who watch one of these accounts, or all where finding
    /// them would be more work than asking all.
    fn list_slots(&self, changes: &HashMap<u64, PresenceState, RandomState>) -> Vec<u32> {
        let sets = || changes.keys().filter_map(|it| self.watchers.get(it));
        let count: usize = sets().map(HashSet::len).sum();
        if count >= self.by_slot.len() {
            return self.by_slot.keys().copied().collect();
        }
        let mut slots: Vec<u32> = sets().flatten().copied().collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Whether somebody is still to be told.
    pub const fn is_telling(&self) -> bool {
        self.round.is_some()
    }

    /// Tells some of those whom the round has not reached yet, each in one frame; answers, with
    /// its end, when the first of what it told was found.
    pub fn tell_some<S: Socket>(
        &mut self,
        sockets: &mut Sockets<S>,
        now: Instant,
    ) -> Option<Instant> {
        let round = self.round.as_mut()?;
        let mut made: HashMap<Vec<Known>, EventFrames, RandomState> = HashMap::default();
        let (mut news, mut told, mut compared) = (Vec::new(), 0, 0);
        while told < CONNECTIONS && compared < COMPARISONS {
            let Some(slot) = round.slots.pop() else {
                return self.round.take().map(|round| round.since);
            };
            compared += 1;
            news.clear();
            let watches = self.by_slot.get_mut(&slot).into_iter().flatten();
            for watch in watches.filter(|watch| watch.round < round.number) {
                compared += watch.take_news(&round.changes, &mut news);
            }
            if news.is_empty() {
                continue;
            }
            told += 1;
            // In several servers it is the same account.
            news.sort_unstable();
            news.dedup();
            if let Some(frames) = made.get(&news) {
                sockets.push_frames(slot, frames, now);
                continue;
            }
            let frames = write_frames(news.iter().filter_map(|known| known.change()));
            sockets.push_frames(slot, &frames, now);
            made.insert(news.clone(), frames);
        }
        None
    }

    /// Counts what they take of the gateway's memory.
    pub fn count_memory(&mut self) {
        let bytes = self.pairs * PAIR_BYTES + self.watchers.len() * ACCOUNT_BYTES;
        self.charge.set(bytes);
    }

    /// Whether there is memory for more.
    pub fn has_room(&self) -> bool {
        !self.charge.memory().is_over()
    }

    /// How many accounts are watched, and by how many connections.
    pub fn count(&self) -> (usize, usize) {
        (self.watchers.len(), self.by_slot.len())
    }
}

/// The event that tells of these changes: of no topic, and without a place.
fn write_frames(changes: impl IntoIterator<Item = PresenceChange>) -> EventFrames {
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

    fn watches() -> Watches {
        Watches::new(&MemoryBudget::new(usize::MAX))
    }

    fn offline(accounts: impl IntoIterator<Item = u64>) -> Vec<(u64, PresenceState)> {
        let accounts = accounts.into_iter();
        accounts.map(|id| (id, PresenceState::Offline)).collect()
    }

    #[test]
    fn a_connection_watches_in_so_many_servers_so_many_accounts() {
        let mut watches = watches();
        let full = |from: u64, count: u64| offline(from..from + count);
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
    fn what_is_watched_is_counted_as_memory() {
        let memory = MemoryBudget::new(30_000);
        let mut watches = Watches::new(&memory);
        let counted = |watches: &mut Watches| {
            watches.count_memory();
            memory.used()
        };
        watches.set(1, 7, offline(1..201)).unwrap();
        assert_eq!(counted(&mut watches), 200 * (PAIR_BYTES + ACCOUNT_BYTES));
        assert!(watches.has_room());
        watches.set(1, 7, offline(1..101)).unwrap();
        watches.set(2, 7, offline(1..201)).unwrap();
        watches.drop_account(7, 200);
        assert_eq!(
            counted(&mut watches),
            299 * PAIR_BYTES + 199 * ACCOUNT_BYTES
        );
        watches.set(2, 8, offline(201..300)).unwrap();
        assert!(counted(&mut watches) > 30_000 && !watches.has_room());
        watches.remove_slot(1);
        watches.remove_slot(2);
        assert_eq!(counted(&mut watches), 0);
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
            let mut watches = watches();
            let mut due: Vec<(u32, u64, u64)> = Vec::new();
            for deed in deeds {
                match deed {
                    Deed::Set(slot, server, accounts) => {
                        watches.set(slot, server, offline(accounts.clone())).unwrap();
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
                let count = due.len();
                let due: HashSet<(u32, u64)> = due.iter().map(|it| (it.0, it.2)).collect();
                prop_assert_eq!(watches.pairs, count);
                prop_assert_eq!(known, due);
            }
        }
    }
}
