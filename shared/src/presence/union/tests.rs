//! What every listener must come to, whatever the channel loses.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::presence::PIECE;

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

fn whole(gateway: &str, number: u64, piece: u32, last: bool, accounts: &[u64]) -> Told {
    let online = accounts.iter().map(|id| (user(*id), PresenceState::Online));
    Told::Whole {
        gateway: gateway.to_owned(),
        number,
        piece,
        last,
        accounts: Accounts::new(online),
        at: 0,
    }
}

#[test]
fn an_account_is_there_while_any_gateway_has_it() {
    use PresenceState::{Dnd, Idle, Offline, Online};
    let mut union = Union::default();
    union.hear(changes("a", 1, &[(7, Idle)]));
    assert_eq!(union.take_changes(), [(user(7), Idle)]);
    union.hear(changes("b", 1, &[(7, Online)]));
    assert_eq!(union.take_changes(), [(user(7), Online)]);
    // From one gateway to another within a second: nothing happened.
    union.hear(changes("b", 2, &[(7, Offline)]));
    union.hear(changes("c", 1, &[(7, Online)]));
    assert_eq!(union.take_changes(), []);
    union.hear(changes("a", 2, &[(7, Dnd)]));
    assert_eq!(union.state(user(7)), Dnd);
    assert_eq!(union.told_state(user(7)), Online);
    union.hear(changes("a", 3, &[(7, Offline)]));
    union.hear(changes("c", 2, &[(7, Offline)]));
    assert_eq!(union.take_changes(), [(user(7), Offline)]);
    assert_eq!((union.len(), union.several.len()), (0, 0));
}

#[test]
fn a_hole_is_asked_for_until_the_whole_came() {
    let online = PresenceState::Online;
    let mut union = Union::default();
    union.hear(changes("a", 1, &[(1, online)]));
    assert_eq!(union.take_questions(), Vec::<String>::new());
    union.hear(changes("a", 3, &[(3, online)]));
    assert_eq!(union.take_questions(), ["a"]);
    assert_eq!(union.take_questions(), Vec::<String>::new());
    // The second part is lost: it is asked again.
    union.hear(whole("a", 3, 0, false, &[2]));
    union.hear(whole("a", 3, 2, true, &[3]));
    union.pass_time(PATIENCE, true);
    assert_eq!(union.take_questions(), ["a"]);
    union.hear(whole("a", 3, 0, false, &[2]));
    union.hear(whole("a", 3, 1, true, &[3]));
    assert_eq!(union.state(user(1)), PresenceState::Offline);
    assert_eq!(union.state(user(2)), online);
    assert_eq!(union.take_holes(), 1);
    union.pass_time(PATIENCE, true);
    assert_eq!(union.take_questions(), Vec::<String>::new());
}

#[test]
fn who_is_silent_is_gone_but_not_while_nobody_can_be_heard() {
    let mut union = Union::default();
    union.hear(changes("a", 1, &[(1, PresenceState::Online)]));
    for _ in 0..60 {
        assert_eq!(union.pass_time(SECOND, false), 0);
    }
    let seconds = u32::try_from(SILENCE.as_secs()).unwrap();
    for _ in 1..seconds {
        assert_eq!(union.pass_time(SECOND, true), 0);
    }
    assert_eq!(union.state(user(1)), PresenceState::Online);
    assert_eq!(union.pass_time(SECOND, true), 1);
    assert_eq!(union.state(user(1)), PresenceState::Offline);
    assert_eq!(union.count_gateways(), 0);
}

#[test]
fn a_listener_that_stood_still_takes_nobody_for_gone() {
    let mut union = Union::default();
    union.hear(changes("a", 1, &[(1, PresenceState::Online)]));
    // An hour, and what it hears first when it wakes.
    assert_eq!(union.pass_time(SECOND, true), 0);
    assert_eq!(union.pass_time(3_600 * SECOND, true), 0);
    union.hear(changes("a", 2, &[]));
    assert_eq!(union.state(user(1)), PresenceState::Online);
    for _ in 1..SILENCE.as_secs() {
        assert_eq!(union.pass_time(SECOND, true), 0);
    }
    assert_eq!(union.pass_time(SECOND, true), 1);
}

#[test]
fn who_is_gone_is_not_made_to_look_alive_by_what_he_told_before() {
    let online = PresenceState::Online;
    let mut union = Union::default();
    let recorded = [
        changes("a", 1, &[(1, online)]),
        changes("a", 2, &[]),
        whole("a", 2, 0, true, &[1]),
    ];
    for told in &recorded {
        union.hear(told.clone());
    }
    // Somebody puts all of it back, while it lives and when it has ended.
    let mut gone = 0;
    for _ in 0..60 {
        for told in &recorded {
            union.hear(told.clone());
        }
        gone += union.pass_time(SECOND, true);
    }
    assert_eq!((gone, union.len()), (1, 0));
    // It was only cut off: what it has is asked for.
    union.hear(changes("a", 70, &[(2, online)]));
    assert_eq!(union.take_questions(), ["a"]);
    union.hear(whole("a", 70, 0, true, &[1, 2]));
    assert_eq!((union.len(), union.has_holes()), (2, false));
}

#[test]
fn who_is_asked_again_and_again_is_asked_ever_later() {
    let mut union = Union::default();
    union.hear(changes("a", 9, &[]));
    let mut asked = Vec::new();
    for second in 0..60 {
        // Behind its answer another one is missed.
        let number = if second <= 20 {
            10 + second
        } else {
            100 + second
        };
        union.hear(changes("a", number, &[]));
        if !union.take_questions().is_empty() {
            asked.push(second);
        }
        // An answer that comes does not make the next question sooner.
        if second == 20 {
            union.hear(whole("a", 30, 0, true, &[]));
        }
        union.pass_time(SECOND, true);
    }
    assert_eq!(asked, [0, 2, 6, 14, 30, 46]);
}

#[test]
fn there_are_only_so_many_gateways() {
    let mut union = Union::default();
    for number in 0..MAX_GATEWAYS + 5 {
        union.hear(changes(
            &number.to_string(),
            1,
            &[(1, PresenceState::Online)],
        ));
    }
    assert_eq!(union.count_gateways(), MAX_GATEWAYS);
    assert_eq!(union.len(), 1);
}

#[test]
fn an_online_account_takes_some_twenty_bytes() {
    assert_eq!(size_of::<Packed>(), 8);
    let mut union = Union::default();
    let all: Vec<_> = (1..=100_000)
        .map(|id| (id, PresenceState::Online))
        .collect();
    for (number, part) in (1..).zip(all.chunks(PIECE)) {
        union.hear(changes("a", number, part));
    }
    drop(union.take_changes());
    assert_eq!(union.len(), 100_000);
    // A place and a byte of the table's own.
    let bytes = union.accounts.capacity() * 9 * 8 / 7;
    assert!(bytes <= 24 * union.len(), "{bytes}");
}

/// A gateway that tells what happens there.
#[derive(Default)]
struct Teller {
    incarnation: u32,
    number: u64,
    accounts: BTreeMap<u64, PresenceState>,
    changed: Vec<u64>,
    asked: bool,
}

impl Teller {
    fn name(&self, index: usize) -> String {
        format!("{index}~{}", self.incarnation)
    }

    fn set(&mut self, id: u64, state: PresenceState) {
        if state == PresenceState::Offline {
            self.accounts.remove(&id);
        } else {
            self.accounts.insert(id, state);
        }
        self.changed.push(id);
    }

    fn restart(&mut self) {
        *self = Self {
            incarnation: self.incarnation + 1,
            ..Self::default()
        };
    }

    fn tell(&mut self, index: usize) -> Vec<Told> {
        self.number += 1;
        let state = |id: u64| *self.accounts.get(&id).unwrap_or(&PresenceState::Offline);
        let changed: Vec<_> = self.changed.drain(..).map(|id| (id, state(id))).collect();
        let mut told = vec![changes(&self.name(index), self.number, &changed)];
        if std::mem::take(&mut self.asked) {
            let all: Vec<_> = self
                .accounts
                .iter()
                .map(|(id, state)| (user(*id), *state))
                .collect();
            let half = all.len() / 2;
            for (piece, part) in (0..).zip([&all[..half], &all[half..]]) {
                told.push(Told::Whole {
                    gateway: self.name(index),
                    number: self.number,
                    piece,
                    last: piece == 1,
                    accounts: Accounts::new(part.to_vec()),
                    at: 0,
                });
            }
        }
        told
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Set(usize, u64, PresenceState),
    Restart(usize),
    /// A second passes; of what is told, these are lost, and these two change places.
    Second(Vec<bool>, usize, usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let state = (0_u8..4).prop_map(|number| PresenceState::from_number(number).unwrap());
    let deed = prop_oneof![
        6 => (0_usize..3, 1_u64..12, state).prop_map(|(at, id, state)| Deed::Set(at, id, state)),
        1 => (0_usize..3).prop_map(Deed::Restart),
        4 => (prop::collection::vec(any::<bool>(), 0..12), 0_usize..12, 0_usize..12)
            .prop_map(|(lost, one, other)| Deed::Second(lost, one, other)),
    ];
    prop::collection::vec(deed, 0..120)
}

/// A second: gateways tell, the channel loses and mixes, the listener asks.
fn pass_second(
    union: &mut Union,
    tellers: &mut [Teller],
    (lost, one, other): (&[bool], usize, usize),
) {
    let mut told: Vec<Told> = tellers
        .iter_mut()
        .enumerate()
        .flat_map(|(index, teller)| teller.tell(index))
        .collect();
    if one < told.len() && other < told.len() {
        told.swap(one, other);
    }
    for (place, told) in told.into_iter().enumerate() {
        if !lost.get(place).copied().unwrap_or(false) {
            union.hear(told);
        }
    }
    union.pass_time(SECOND, true);
    for name in union.take_questions() {
        for (index, teller) in tellers.iter_mut().enumerate() {
            teller.asked |= teller.name(index) == name;
        }
    }
}

proptest! {
    #[test]
    fn whatever_was_lost_the_union_comes_to_what_the_living_say(deeds in deeds()) {
        let mut union = Union::default();
        let mut told: BTreeMap<UserId, PresenceState> = BTreeMap::new();
        let mut tellers: [Teller; 3] = Default::default();
        for deed in &deeds {
            match deed {
                Deed::Set(at, id, state) => tellers[*at].set(*id, *state),
                Deed::Restart(at) => tellers[*at].restart(),
                Deed::Second(lost, one, other) => {
                    pass_second(&mut union, &mut tellers, (lost, *one, *other));
                }
            }
            told.extend(union.take_changes());
        }
        // In peace, silence runs out and every hole is asked for.
        for _ in 0..=(SILENCE + MAX_PATIENCE).as_secs() + 1 {
            pass_second(&mut union, &mut tellers, (&[], 99, 99));
            told.extend(union.take_changes());
        }
        for id in 1..12 {
            let places: Vec<_> = tellers
                .iter()
                .filter_map(|teller| Some((0, *teller.accounts.get(&id)?)))
                .collect();
            prop_assert_eq!(union.state(user(id)), join_states(&places), "account {}", id);
            // What was told of it, one change after the other, is the same.
            let last = told.get(&user(id)).copied().unwrap_or(PresenceState::Offline);
            prop_assert_eq!(last, union.state(user(id)), "what was told of account {}", id);
        }
        let there = (1..12).filter(|id| union.state(user(*id)) != PresenceState::Offline);
        prop_assert_eq!(union.len(), there.count());
        prop_assert_eq!(union.count_gateways(), tellers.len());
    }
}
