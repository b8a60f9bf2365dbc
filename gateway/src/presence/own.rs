//! The accounts with sessions at this gateway, and how others are to see them. No I/O.
//!
//! An account that does not want to be seen looks from outside as one that is not there: what
//! is told of it is nothing, whatever it does. Its status is that of the snapshot which its session
//! was opened with, until the session hears the account's topic: another device may have hidden
//! meanwhile. So nobody is shown by a session before it is *settled* there.

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

/// The accounts of this gateway.
#[derive(Debug, Default)]
pub struct OwnAccounts {
    accounts: HashMap<UserId, Account, RandomState>,
    /// The session of each connection.
    sessions: HashMap<u64, Session, RandomState>,
    /// Those that may look otherwise now.
    dirty: HashSet<UserId, RandomState>,
    /// When those go whose connections have broken off.
    going: BTreeSet<(Instant, UserId)>,
    /// When statuses end, in milliseconds since 1970.
    ending: BTreeSet<(u64, UserId)>,
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
}

impl Account {
    fn state(&self) -> PresenceState {
        if self.is_gone() {
            return PresenceState::Offline;
        }
        // Who is shown already stays so while its next session settles.
        if self.settled == 0 && self.told == PresenceState::Offline {
            return PresenceState::Offline;
        }
        match self.status.map(|status| status.status) {
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
}

impl OwnAccounts {
    /// A connection has an open session of an account with this status, if it is known.
    pub fn open_session(
        &mut self,
        connection_id: u64,
        user: UserId,
        status: Option<AccountStatus>,
    ) {
        if self.sessions.contains_key(&connection_id) {
            return;
        }
        let session = Session {
            user,
            idle: false,
            settled: false,
        };
        self.sessions.insert(connection_id, session);
        let account = self.accounts.entry(user).or_default();
        account.sessions += 1;
        if let Some(at) = account.stays.take() {
            self.going.remove(&(at, user));
        }
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
            self.going.insert((at, user));
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
            self.ending.remove(&(until, user));
        }
        if let Some(until) = status.until {
            self.ending.insert((until, user));
        }
        account.status = Some(status);
        self.dirty.insert(user);
    }

    /// Time passed, by the clock that nobody sets and by the one that statuses name.
    pub fn tick(&mut self, now: Instant, now_ms: u64) {
        while let Some((_, user)) = self.going.pop_first_if(|(at, _)| *at <= now) {
            if let Some(account) = self.accounts.get_mut(&user) {
                account.stays = None;
                self.dirty.insert(user);
            }
        }
        while let Some((_, user)) = self.ending.pop_first_if(|(until, _)| *until <= now_ms) {
            let account = self.accounts.get_mut(&user);
            if let Some(status) = account.and_then(|account| account.status.as_mut()) {
                status.status = StatusKind::Online;
                status.until = None;
                self.dirty.insert(user);
            }
        }
    }

    /// The accounts that look otherwise than what was told of them last, which this is now.
    pub fn take_changes(&mut self) -> Vec<(UserId, PresenceState)> {
        let mut changes = Vec::new();
        for user in std::mem::take(&mut self.dirty) {
            let Some(account) = self.accounts.get_mut(&user) else {
                continue;
            };
            let state = account.state();
            if std::mem::replace(&mut account.told, state) != state {
                changes.push((user, state));
            }
            if account.is_gone() {
                self.forget(user);
            }
        }
        changes
    }

    fn forget(&mut self, user: UserId) {
        let account = self.accounts.remove(&user);
        if let Some(until) = account.and_then(|account| account.until()) {
            self.ending.remove(&(until, user));
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

trait PopFirstIf<T> {
    fn pop_first_if(&mut self, condition: impl Fn(&T) -> bool) -> Option<T>;
}

impl<T: Ord> PopFirstIf<T> for BTreeSet<T> {
    fn pop_first_if(&mut self, condition: impl Fn(&T) -> bool) -> Option<T> {
        self.first()
            .is_some_and(condition)
            .then(|| self.pop_first())?
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
        let changes = own.take_changes();
        assert!(changes.len() <= 1);
        changes.first().map(|(_, state)| *state)
    }

    /// Alice has a session on a connection.
    fn opens(own: &mut OwnAccounts, connection_id: u64, status: AccountStatus) {
        own.open_session(connection_id, alice(), Some(status));
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
        own.open_session(2, alice(), Some(AccountStatus::default()));
        own.tick(now + GRACE * 2, 0);
        assert_eq!(told(&mut own), None, "it settles still");
        own.settle_session(2);
        assert_eq!(told(&mut own), None);
        own.end_session(2, false, now);
        own.tick(now + GRACE, 0);
        assert_eq!(told(&mut own), Some(PresenceState::Offline));
        assert!(own.accounts.is_empty() && own.going.is_empty());
    }

    #[test]
    fn a_goodbye_is_told_at_once() {
        let mut own = with_alice(AccountStatus::default());
        drop(own.take_changes());
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
        own.open_session(1, alice(), Some(AccountStatus::default()));
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
        own.open_session(1, alice(), None);
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
        assert!(own.ending.is_empty());
    }
}
