//! The accounts with sessions at this gateway, and how others are to see them. No I/O.
//!
//! An account that does not want to be seen looks from outside as one that is not there: what
//! is told of it is nothing, whatever it does. Its status is that of the snapshot which its session
//! was opened with, until the session hears the account's topic: another device may have hidden
//! meanwhile. So nobody is shown by a session before it is *settled* there.
//!
//! A change costs a word to every gateway, and a frame for everybody who watches, and whoever has a
//! session can make as many as he likes. So an account has a *pace*: a few changes at once, then
//! one in a while. That somebody goes or hides is told at once.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use foldhash::fast::RandomState;
use shared::{
    bus::envelope::AccountStatus,
    ids::UserId,
    protocol::presence::{PresenceState, StatusKind},
};
use tokio::time::Instant;

/// How long an account stays where its last connection broke off: a client that notices a
/// broken connection has resumed by then, here or elsewhere.
pub const GRACE: Duration = Duration::from_secs(5);
/// In the long run an account's looks are told once in this time.
pub const PACE: Duration = Duration::from_secs(10);
/// How many times they are told at once after a rest.
pub const BURST: u32 = 6;

/// The accounts of this gateway.
#[derive(Debug, Default)]
pub struct OwnAccounts {
    accounts: HashMap<UserId, Account, RandomState>,
    /// The session of each connection.
    sessions: HashMap<u64, Session, RandomState>,
    /// Those that may look otherwise now.
    dirty: HashSet<UserId, RandomState>,
    /// When accounts may look otherwise, or may be told of, or forgotten.
    wakes: BTreeSet<(Instant, UserId)>,
    /// When statuses end, in milliseconds since 1970, and the numbers of their accounts.
    ends: BTreeSet<(u64, u64)>,
    /// What the clock that statuses name said last.
    now_ms: u64,
}

#[derive(Debug)]
struct Session {
    user: UserId,
    /// Nobody uses it.
    idle: bool,
    /// It hears the account's topic.
    settled: bool,
}

#[derive(Debug, Default)]
struct Account {
    /// None while a worker that knows of no statuses was all that was asked: who is hidden then,
    /// nobody knows.
    status: Option<AccountStatus>,
    sessions: u32,
    idle: u32,
    settled: u32,
    /// Until when it stays without a session.
    stays: Option<Instant>,
    /// What was told of it.
    told: PresenceState,
    /// Up to when it has used what may be told of it: in the future after many changes.
    paced: Option<Instant>,
}

impl Account {
    fn state(&self, now_ms: u64) -> PresenceState {
        if self.is_gone() {
            return PresenceState::Offline;
        }
        // Who is shown already stays so while its next session settles.
        if self.settled == 0 && self.told == PresenceState::Offline {
            return PresenceState::Offline;
        }
        match self.status_at(now_ms) {
            None | Some(StatusKind::Invisible) => PresenceState::Offline,
            Some(StatusKind::Dnd) => PresenceState::Dnd,
            Some(StatusKind::Idle) => PresenceState::Idle,
            // As it was when its last session ended: that changes nothing yet.
            Some(StatusKind::Online) if self.settled == 0 => match self.told {
                PresenceState::Idle => PresenceState::Idle,
                _ => PresenceState::Online,
            },
            Some(StatusKind::Online) if self.idle == self.sessions => PresenceState::Idle,
            Some(StatusKind::Online) => PresenceState::Online,
        }
    }

    /// It has no session here, and is not waited for.
    const fn is_gone(&self) -> bool {
        self.sessions == 0 && self.stays.is_none()
    }

    fn until(&self) -> Option<u64> {
        self.status.and_then(|status| status.until)
    }

    /// What it wants to be shown as. A status that has ended is kept: a clock that was wrong for a
    /// moment must not show for good who is hidden.
    fn status_at(&self, now_ms: u64) -> Option<StatusKind> {
        let status = self.status?;
        let ended = status.until.is_some_and(|until| until <= now_ms);
        Some(if ended {
            StatusKind::Online
        } else {
            status.status
        })
    }

    /// When it may be told of, if not now.
    fn wait(&self, now: Instant) -> Option<Instant> {
        let free = self.paced? - PACE * (BURST - 1);
        (free > now).then_some(free)
    }
}

impl OwnAccounts {
    /// A connection has an open session of an account with this status, if it is known; and
    /// whether nobody uses it.
    pub fn open_session(
        &mut self,
        connection_id: u64,
        user: UserId,
        status: Option<AccountStatus>,
        idle: bool,
    ) {
        if self.sessions.contains_key(&connection_id) {
            return;
        }
        let session = Session {
            user,
            idle,
            settled: false,
        };
        self.sessions.insert(connection_id, session);
        let account = self.accounts.entry(user).or_default();
        account.sessions += 1;
        account.idle += u32::from(idle);
        account.stays = None;
        self.dirty.insert(user);
        if let Some(status) = status {
            self.set_status(user, status);
        }
    }

    /// The session of a connection hears the account's topic from now on.
    pub fn settle_session(&mut self, connection_id: u64) {
        let Some(session) = self.sessions.get_mut(&connection_id) else {
            return;
        };
        if std::mem::replace(&mut session.settled, true) {
            return;
        }
        if let Some(account) = self.accounts.get_mut(&session.user) {
            account.settled += 1;
            self.dirty.insert(session.user);
        }
    }

    /// Somebody uses a connection, or nobody does.
    pub fn set_idle(&mut self, connection_id: u64, idle: bool) {
        let Some(session) = self.sessions.get_mut(&connection_id) else {
            return;
        };
        if std::mem::replace(&mut session.idle, idle) == idle {
            return;
        }
        let user = session.user;
        if let Some(account) = self.accounts.get_mut(&user) {
            if idle {
                account.idle += 1;
            } else {
                account.idle = account.idle.saturating_sub(1);
            }
            self.dirty.insert(user);
        }
    }

    /// A connection has ended. Without a goodbye its account stays for a while.
    pub fn end_session(&mut self, connection_id: u64, goodbye: bool, now: Instant) {
        let Some(session) = self.sessions.remove(&connection_id) else {
            return;
        };
        let user = session.user;
        let Some(account) = self.accounts.get_mut(&user) else {
            return;
        };
        account.sessions = account.sessions.saturating_sub(1);
        account.idle = account.idle.saturating_sub(u32::from(session.idle));
        account.settled = account.settled.saturating_sub(u32::from(session.settled));
        if account.sessions == 0 && !goodbye {
            let at = now + GRACE;
            account.stays = Some(at);
            self.wakes.insert((at, user));
        }
        self.dirty.insert(user);
    }

    /// The status of an account was set; an older one than is known changes nothing.
    pub fn set_status(&mut self, user: UserId, status: AccountStatus) {
        let Some(account) = self.accounts.get_mut(&user) else {
            return;
        };
        let known = account.status;
        if known.is_some_and(|known| status.version <= known.version) {
            return;
        }
        if let Some(until) = account.until() {
            self.ends.remove(&(until, user.get()));
        }
        if let Some(until) = status.until {
            self.ends.insert((until, user.get()));
        }
        account.status = Some(status);
        self.dirty.insert(user);
    }

    /// Time passed, by the clock that nobody sets and by the one that statuses name.
    pub fn tick(&mut self, now: Instant, now_ms: u64) {
        while self.wakes.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, user)) = self.wakes.pop_first()
        {
            if let Some(account) = self.accounts.get_mut(&user) {
                account.stays = account.stays.filter(|at| *at > now);
                self.dirty.insert(user);
            }
        }
        // Clocks go back, too.
        let (from, to) = (now_ms.min(self.now_ms), now_ms.max(self.now_ms));
        let ends = self.ends.range((from, u64::MAX)..=(to, u64::MAX));
        let users = ends.filter_map(|(_, user)| UserId::new(*user));
        self.dirty.extend(users);
        self.now_ms = now_ms;
    }

    /// The accounts that look otherwise than what was told of them last, which this is now.
    pub fn take_changes(&mut self, now: Instant) -> Vec<(UserId, PresenceState)> {
        let mut changes = Vec::new();
        for user in std::mem::take(&mut self.dirty) {
            let Some(account) = self.accounts.get_mut(&user) else {
                continue;
            };
            let state = account.state(self.now_ms);
            if state == PresenceState::Offline {
                if std::mem::replace(&mut account.told, state) != state {
                    changes.push((user, state));
                }
                if account.is_gone() {
                    self.forget(user, now);
                }
            } else if state != account.told {
                if let Some(at) = account.wait(now) {
                    self.wakes.insert((at, user));
                    continue;
                }
                let paced = account.paced.map_or(now, |at| at.max(now));
                account.paced = Some(paced + PACE);
                account.told = state;
                changes.push((user, state));
            }
        }
        changes
    }

    /// Forgets who is gone; but whose changes were many not yet that they were. What he wanted to
    /// be shown as may be another by the time he comes back, so that is forgotten in any case.
    fn forget(&mut self, user: UserId, now: Instant) {
        let Some(account) = self.accounts.get_mut(&user) else {
            return;
        };
        if let Some(until) = account.until() {
            self.ends.remove(&(until, user.get()));
        }
        account.status = None;
        match account.paced.filter(|at| *at > now) {
            Some(at) => {
                self.wakes.insert((at, user));
            }
            None => {
                self.accounts.remove(&user);
            }
        }
    }

    /// All that look there, as was told.
    pub fn list_told(&self) -> Vec<(UserId, PresenceState)> {
        let all = self.accounts.iter();
        all.filter(|(_, account)| account.told != PresenceState::Offline)
            .map(|(user, account)| (*user, account.told))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: u64 = 7;

    fn alice() -> UserId {
        UserId::new(ALICE).unwrap()
    }

    fn status(status: StatusKind, version: u64) -> AccountStatus {
        AccountStatus {
            status,
            until: None,
            version,
        }
    }

    fn told(own: &mut OwnAccounts) -> Option<PresenceState> {
        told_at(own, Instant::now())
    }

    fn told_at(own: &mut OwnAccounts, now: Instant) -> Option<PresenceState> {
        let changes = own.take_changes(now);
        assert!(changes.len() <= 1);
        changes.first().map(|(_, state)| *state)
    }

    /// Alice has a session on a connection.
    fn opens(own: &mut OwnAccounts, connection_id: u64, status: AccountStatus) {
        own.open_session(connection_id, alice(), Some(status), false);
        own.settle_session(connection_id);
    }

    /// Alice has a session on connection 1.
    fn with_alice(status: AccountStatus) -> OwnAccounts {
        let mut own = OwnAccounts::default();
        opens(&mut own, 1, status);
        own
    }

    #[test]
    fn a_broken_connection_that_is_resumed_says_nothing() {
        let (mut own, now) = (with_alice(AccountStatus::default()), Instant::now());
        assert_eq!(told(&mut own), Some(PresenceState::Online));
        own.end_session(1, false, now);
        own.tick(now + GRACE / 2, 0);
        assert_eq!(told(&mut own), None);
        own.open_session(2, alice(), Some(AccountStatus::default()), false);
        own.tick(now + GRACE * 2, 0);
        assert_eq!(told(&mut own), None, "it settles still");
        own.settle_session(2);
        assert_eq!(told(&mut own), None);
        own.end_session(2, false, now);
        own.tick(now + GRACE, 0);
        assert_eq!(told(&mut own), Some(PresenceState::Offline));
        own.tick(now + GRACE + PACE, 0);
        assert_eq!(told_at(&mut own, now + GRACE + PACE), None);
        assert!(own.accounts.is_empty() && own.wakes.is_empty());
    }

    #[test]
    fn a_goodbye_is_told_at_once() {
        let mut own = with_alice(AccountStatus::default());
        assert!(told(&mut own).is_some());
        own.end_session(1, true, Instant::now());
        assert_eq!(told(&mut own), Some(PresenceState::Offline));
    }

    #[test]
    fn it_is_idle_only_where_all_of_its_sessions_are() {
        let mut own = with_alice(AccountStatus::default());
        opens(&mut own, 2, AccountStatus::default());
        assert_eq!(told(&mut own), Some(PresenceState::Online));
        own.set_idle(1, true);
        own.set_idle(1, true);
        assert_eq!(told(&mut own), None);
        own.set_idle(2, true);
        assert_eq!(told(&mut own), Some(PresenceState::Idle));
        own.end_session(1, false, Instant::now());
        assert_eq!(told(&mut own), None);
        own.set_idle(2, false);
        assert_eq!(told(&mut own), Some(PresenceState::Online));
    }

    #[test]
    fn who_comes_idle_was_never_used() {
        let mut own = OwnAccounts::default();
        own.open_session(1, alice(), Some(AccountStatus::default()), true);
        own.settle_session(1);
        assert_eq!(told(&mut own), Some(PresenceState::Idle));
        own.end_session(1, false, Instant::now());
        own.open_session(2, alice(), Some(AccountStatus::default()), true);
        own.settle_session(2);
        assert_eq!(told(&mut own), None);
        own.set_idle(2, false);
        assert_eq!(told(&mut own), Some(PresenceState::Online));
    }

    #[test]
    fn who_does_not_want_to_be_seen_looks_like_nobody() {
        let mut own = with_alice(status(StatusKind::Invisible, 3));
        assert_eq!(told(&mut own), None);
        opens(&mut own, 2, status(StatusKind::Online, 2));
        own.set_idle(2, true);
        own.end_session(1, true, Instant::now());
        assert_eq!(told(&mut own), None);
        assert_eq!(own.list_told(), []);
        own.set_status(alice(), status(StatusKind::Dnd, 4));
        assert_eq!(told(&mut own), Some(PresenceState::Dnd));
        assert_eq!(own.list_told(), [(alice(), PresenceState::Dnd)]);
        own.set_status(alice(), status(StatusKind::Invisible, 5));
        assert_eq!(told(&mut own), Some(PresenceState::Offline));
    }

    #[test]
    fn nobody_is_shown_by_what_was_before_its_session_heard_of_its_account() {
        let mut own = OwnAccounts::default();
        own.open_session(1, alice(), Some(AccountStatus::default()), false);
        assert_eq!(told(&mut own), None);
        own.set_status(alice(), status(StatusKind::Invisible, 1));
        own.settle_session(1);
        assert_eq!(told(&mut own), None);
        own.set_status(alice(), status(StatusKind::Online, 2));
        assert_eq!(told(&mut own), Some(PresenceState::Online));
    }

    #[test]
    fn who_may_be_hidden_is_not_shown() {
        let mut own = OwnAccounts::default();
        own.open_session(1, alice(), None, false);
        own.settle_session(1);
        assert_eq!(told(&mut own), None);
        // A worker that knows, or the account itself, says how it is.
        opens(&mut own, 2, AccountStatus::default());
        assert_eq!(told(&mut own), Some(PresenceState::Online));
    }

    #[test]
    fn a_status_ends_when_it_says() {
        let until = AccountStatus {
            until: Some(9_000),
            ..status(StatusKind::Dnd, 1)
        };
        let mut own = with_alice(until);
        assert_eq!(told(&mut own), Some(PresenceState::Dnd));
        own.tick(Instant::now(), 8_999);
        assert_eq!(told(&mut own), None);
        own.tick(Instant::now(), 9_000);
        assert_eq!(told(&mut own), Some(PresenceState::Online));
    }

    #[test]
    fn a_clock_that_is_wrong_for_a_moment_shows_nobody_for_good() {
        let hidden = AccountStatus {
            until: Some(9_000),
            ..status(StatusKind::Invisible, 1)
        };
        let (mut own, now) = (with_alice(hidden), Instant::now());
        own.tick(now, 1_000);
        assert_eq!(told(&mut own), None);
        own.tick(now, 100_000);
        assert_eq!(told(&mut own), Some(PresenceState::Online));
        own.tick(now, 1_500);
        assert_eq!(told(&mut own), Some(PresenceState::Offline));
        own.tick(now, 9_000);
        assert_eq!(told(&mut own), Some(PresenceState::Online));
        own.end_session(1, true, now);
        assert!(told(&mut own).is_some());
        assert!(own.ends.is_empty());
    }

    /// How often something is told in a minute in which this happens each second.
    fn told_in_a_minute(own: &mut OwnAccounts, mut deed: impl FnMut(&mut OwnAccounts, u64)) -> u32 {
        let (start, mut count) = (Instant::now(), 0);
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            deed(own, second);
            own.tick(now, 0);
            count += u32::from(told_at(own, now).is_some_and(|it| it != PresenceState::Offline));
            assert!(own.wakes.len() <= 12 && own.accounts.len() == 1);
        }
        count
    }

    #[test]
    fn who_changes_each_second_is_told_of_at_his_pace() {
        let most = BURST + 59 / u32::try_from(PACE.as_secs()).unwrap();
        let mut own = with_alice(AccountStatus::default());
        let flips = |own: &mut OwnAccounts, second: u64| own.set_idle(1, second % 2 == 1);
        assert_eq!(told_in_a_minute(&mut own, flips), most);
        let mut own = OwnAccounts::default();
        let comes_and_goes = |own: &mut OwnAccounts, second: u64| match second % 2 {
            0 => opens(own, second, AccountStatus::default()),
            _ => own.end_session(second - 1, true, Instant::now()),
        };
        let told = told_in_a_minute(&mut own, comes_and_goes);
        assert!((BURST..=most).contains(&told), "{told}");
    }

    #[test]
    fn what_was_to_be_told_is_told_in_the_end_and_who_hides_is_gone_at_once() {
        let (mut own, now) = (with_alice(AccountStatus::default()), Instant::now());
        for number in 0..u64::from(BURST) {
            own.set_idle(1, number % 2 == 1);
            assert!(told_at(&mut own, now).is_some());
        }
        own.set_idle(1, false);
        assert_eq!(told_at(&mut own, now), None);
        own.tick(now + PACE, 0);
        assert_eq!(told_at(&mut own, now + PACE), Some(PresenceState::Online));
        own.set_status(alice(), status(StatusKind::Invisible, 1));
        let due = Some(PresenceState::Offline);
        assert_eq!(told_at(&mut own, now + PACE), due);
        // Nothing is known of how he wants to be shown when he comes again.
        own.end_session(1, true, now);
        assert_eq!(told_at(&mut own, now + PACE), None);
        own.open_session(2, alice(), None, false);
        own.settle_session(2);
        own.tick(now + PACE * 9, 0);
        assert_eq!(told_at(&mut own, now + PACE * 9), None);
    }
}
