//! How everybody looks from here: the union, and what of it the shards are told. No I/O.
//!
//! The shards are told once a second. A worker that answers who watches may be ahead of that, or
//! behind: whom it saw otherwise is *doubted*, and a moment later told of with the next second,
//! whether it changed or not. Shards know what each connection was told, so only who was told otherwise hears of it.
//!
//! A gateway that has just started knows of nobody. Until all others have told what they have,
//! what workers say stands.

use std::{collections::HashMap, time::Duration};

use foldhash::fast::RandomState;
use shared::{
    ids::UserId,
    presence::{Told, Union},
    protocol::presence::{MemberPresence, PresenceState},
};
use tokio::time::Instant;

/// What this gateway tells comes back to it: for so long after the last time, others count as
/// heard, too.
const HEARS: Duration = Duration::from_secs(3);
/// All others have told something within this time: they do each second.
const FIRST_WORDS: Duration = Duration::from_secs(2);
/// Who has not told all it has by now is not waited for.
const LATE: Duration = Duration::from_secs(5);
/// How long an account is doubted at least: what a worker was ahead with has come by then.
const DOUBT: Duration = Duration::from_millis(250);
/// Accounts that may be doubted at once: those of some thousand watches in the first seconds, and
/// in others hardly any.
const MAX_DOUBTED: usize = 262_144;

/// What is known of all accounts, and what the shards know of it.
#[derive(Debug, Default)]
pub struct Outlook {
    /// What all gateways say.
    pub union: Union,
    /// Since when each is.
    doubted: HashMap<UserId, Instant, RandomState>,
    /// When this gateway first and last heard itself.
    heard: Option<(Instant, Instant)>,
    complete: bool,
}

impl Outlook {
    /// What this gateway told came back to it.
    pub fn hear_itself(&mut self, now: Instant) {
        let first = self.heard.map_or(now, |(first, _)| first);
        self.heard = Some((first, now));
    }

    /// Whether this gateway ever heard itself.
    pub const fn has_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// Another gateway told something.
    pub fn hear(&mut self, told: Told) {
        self.union.hear(told);
    }

    /// Time passed; answers how many gateways are gone by now.
    pub fn pass_time(&mut self, passed: Duration, now: Instant) -> usize {
        let age = |at: Instant| now.saturating_duration_since(at);
        let hears = self.heard.is_some_and(|(_, last)| age(last) < HEARS);
        let gone = self.union.pass_time(passed, hears);
        self.complete |= self.heard.is_some_and(|(first, _)| {
            age(first) >= LATE || (age(first) >= FIRST_WORDS && !self.union.has_holes())
        });
        gone
    }

    /// A worker said how members look; `false` where it may be otherwise and there is no room to
    /// remember that.
    pub fn compare(&mut self, members: &[&MemberPresence], now: Instant) -> bool {
        let doubted = members.iter().filter(|it| {
            // As the shards were told: what changed since, they are told anyhow.
            self.union.told_state(it.user_id) != it.state
        });
        let doubted: Vec<UserId> = doubted.map(|it| it.user_id).collect();
        if self.doubted.len() + doubted.len() > MAX_DOUBTED {
            return false;
        }
        for user in doubted {
            self.doubted.entry(user).or_insert(now);
        }
        true
    }

    /// What the shards are to be told now.
    pub fn take_changes(&mut self, now: Instant) -> Vec<(UserId, PresenceState)> {
        if !self.complete {
            return Vec::new();
        }
        let mut changes = self.union.take_changes();
        let due = |_: &UserId, since: &mut Instant| now.saturating_duration_since(*since) >= DOUBT;
        let due = self.doubted.extract_if(due);
        changes.extend(due.map(|(user, _)| (user, self.union.state(user))));
        changes
    }
}

#[cfg(test)]
mod tests {
    use shared::presence::Accounts;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn user(number: u64) -> UserId {
        UserId::new(number).unwrap()
    }

    fn changes(gateway: &str, number: u64, accounts: &[(u64, PresenceState)]) -> Told {
        Told::Changes {
            gateway: gateway.to_owned(),
            number,
            accounts: Accounts::new(accounts.iter().map(|(id, state)| (user(*id), *state))),
            at: 0,
        }
    }

    fn said(number: u64, state: PresenceState) -> MemberPresence {
        MemberPresence {
            user_id: user(number),
            state,
            text: String::new(),
        }
    }

    /// A gateway that knows all that others have: user 1 is online at one of them.
    fn complete() -> Outlook {
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        outlook.hear_itself(now);
        outlook.hear(changes("a", 1, &[(1, PresenceState::Online)]));
        outlook.pass_time(SECOND, now + FIRST_WORDS);
        assert_eq!(
            outlook.take_changes(now + SECOND),
            [(user(1), PresenceState::Online)]
        );
        outlook
    }

    #[test]
    fn whom_a_worker_saw_otherwise_is_told_of_with_the_next_second() {
        use PresenceState::{Offline, Online};
        let (mut outlook, now) = (complete(), Instant::now());
        assert!(outlook.compare(
            &[&said(1, Offline), &said(2, Online), &said(3, Offline)],
            now
        ));
        assert_eq!(outlook.take_changes(now), [], "a worker may be ahead");
        // What it was ahead with comes meanwhile: then the reply was right.
        outlook.hear(changes("a", 2, &[(2, Online)]));
        let mut told = outlook.take_changes(now + SECOND);
        told.sort_unstable_by_key(|(user, _)| *user);
        told.dedup();
        assert_eq!(told, [(user(1), Online), (user(2), Online)]);
        assert_eq!(outlook.take_changes(now + SECOND), [], "it is told once");
    }

    #[test]
    fn a_gateway_that_has_just_started_tells_of_nobody() {
        use PresenceState::{Offline, Online};
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        assert!(outlook.compare(&[&said(1, Online), &said(2, Online)], now));
        outlook.hear_itself(now);
        outlook.hear(changes("a", 9, &[]));
        outlook.pass_time(SECOND, now + FIRST_WORDS);
        assert_eq!(
            outlook.take_changes(now + SECOND),
            [],
            "a has not told all yet"
        );
        outlook.hear(Told::Whole {
            gateway: "a".to_owned(),
            number: 9,
            piece: 0,
            last: true,
            accounts: Accounts::new([(user(1), Online)]),
            at: 0,
        });
        outlook.pass_time(SECOND, now + FIRST_WORDS + SECOND);
        let mut told = outlook.take_changes(now + SECOND);
        told.sort_unstable_by_key(|(user, _)| *user);
        told.dedup();
        assert_eq!(told, [(user(1), Online), (user(2), Offline)]);
    }

    #[test]
    fn a_gateway_that_never_tells_all_is_not_waited_for() {
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        outlook.hear(changes("a", 9, &[(1, PresenceState::Online)]));
        outlook.pass_time(SECOND, now + 60 * SECOND);
        assert_eq!(outlook.take_changes(now + SECOND), [], "it hears nothing");
        outlook.hear_itself(now);
        outlook.pass_time(SECOND, now + LATE - SECOND);
        assert_eq!(outlook.take_changes(now + SECOND), []);
        outlook.pass_time(SECOND, now + LATE);
        assert_eq!(
            outlook.take_changes(now + SECOND),
            [(user(1), PresenceState::Online)]
        );
    }

    #[test]
    fn so_many_are_doubted_and_no_more() {
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        let many: Vec<MemberPresence> = (1..=MAX_DOUBTED as u64)
            .map(|number| said(number, PresenceState::Online))
            .collect();
        assert!(outlook.compare(&many.iter().collect::<Vec<_>>(), now));
        assert!(!outlook.compare(&[&said(9_999_999, PresenceState::Online)], now));
        assert!(outlook.compare(&[&said(9_999_999, PresenceState::Offline)], now));
    }
}
