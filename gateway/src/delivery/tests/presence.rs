//! Who is told of whom, and what passes in between.

use std::collections::VecDeque;

use shared::{
    ids::UserId,
    protocol::{
        decode,
        presence::{PresenceChange, PresenceChanged, PresenceState},
    },
};

use super::*;

/// What a connection was told, frame by frame.
fn told(sink: &Sink) -> Vec<Vec<(u64, PresenceState)>> {
    let frames = sink.frames();
    let bodies = frames.iter().filter_map(|frame| {
        match frame::ServerFrame::read(frame::websocket_payload(frame)?)? {
            frame::ServerFrame::Event { seq: 0, body, .. } => {
                decode::<PresenceChanged>(body).ok().map(|it| it.changes)
            }
            _ => None,
        }
    });
    let read = |it: PresenceChange| (it.user_id.get(), it.state);
    let told = bodies.map(|changes| changes.into_iter().map(read).collect());
    told.collect()
}

impl Fixture {
    /// A member watches these, who look so.
    fn watch(&mut self, connection_id: u64, accounts: &[(u64, PresenceState)]) {
        self.tell(ToShard::Watch(Box::new(NewWatch {
            connection_id,
            server: TOPIC,
            opcode: 2_946,
            request: 1,
            payload: frame::reply(0, &[0x90]).into(),
            complete: true,
            accounts: accounts.to_vec(),
        })));
    }

    /// A second passes in which these have changed.
    fn second(&mut self, changes: &[(u64, PresenceState)]) {
        let changes = changes.iter();
        let changes = changes.filter_map(|(id, state)| Some((UserId::new(*id)?, *state)));
        self.tell(ToShard::Presence(Arc::new(PresenceChanges {
            changes: changes.collect(),
            at: self.now,
        })));
    }

    /// A turn in which these messages came; says whether something is left for the next one.
    fn turn(&mut self, messages: impl IntoIterator<Item = ToShard<Sink>>) -> bool {
        let mut turn: VecDeque<_> = messages.into_iter().collect();
        self.shard.apply_some(&mut turn, self.now);
        let unfinished = self.shard.flush(self.now, &mut self.blocked);
        unfinished || self.shard.is_telling()
    }
}

#[test]
fn a_connection_is_told_what_it_does_not_know_in_one_frame() {
    use PresenceState::{Dnd, Idle, Offline, Online};
    let mut fixture = Fixture::new();
    let sinks = fixture.add_crowd(3);
    fixture.watch(1, &[(7, Offline), (8, Online), (9, Offline)]);
    fixture.watch(2, &[(7, Online)]);
    fixture.second(&[(7, Online), (9, Dnd), (10, Online)]);
    fixture.turn([]);
    assert_eq!(told(&sinks[0]), [[(7, Online), (9, Dnd)]]);
    assert_eq!(told(&sinks[1]), Vec::<Vec<_>>::new(), "he was told before");
    // Whom a worker saw otherwise, and did not look otherwise after all.
    fixture.second(&[(7, Online), (8, Online)]);
    fixture.turn([]);
    fixture.second(&[(8, Idle)]);
    fixture.turn([]);
    assert_eq!(
        told(&sinks[0]),
        [vec![(7, Online), (9, Dnd)], vec![(8, Idle)]]
    );
    fixture.tell(ToShard::Unwatch(TOPIC, 8));
    fixture.watch(2, &[]);
    fixture.second(&[(7, Offline), (8, Offline)]);
    fixture.turn([]);
    assert_eq!(told(&sinks[0]).last(), Some(&vec![(7, Offline)]));
    assert_eq!(told(&sinks[1]).len() + told(&sinks[2]).len(), 0);
}

#[test]
fn events_pass_while_many_are_told_and_the_next_seconds_wait_as_one() {
    use PresenceState::{Offline, Online};
    let mut fixture = Fixture::new();
    let sinks = fixture.add_crowd(5_000);
    for connection_id in 1..=5_000 {
        fixture.watch(connection_id, &[(7, Offline), (8, Offline)]);
    }
    while fixture.turn([]) {}
    fixture.second(&[(7, Online)]);
    fixture.turn([]);
    assert!(fixture.shard.is_telling(), "they are too many for a turn");
    let count = |sinks: &[Sink]| sinks.iter().map(|it| told(it).len()).sum::<usize>();
    assert!(count(&sinks) < 2_000);
    // Who asks now knows more than what is being told.
    let late = sinks.iter().position(|it| told(it).is_empty()).unwrap();
    fixture.watch(late as u64 + 1, &[(7, Offline), (8, Offline)]);
    // Three seconds later.
    fixture.second(&[(8, Online)]);
    fixture.second(&[(7, Offline)]);
    fixture.second(&[(7, Online)]);
    fixture.turn([ToShard::Events(vec![event(1, 1, None)])]);
    assert!(fixture.shard.is_telling());
    let heard = sinks.iter().filter(|it| it.seqs().contains(&1)).count();
    assert!(heard > 1_000, "{heard} of those who were written to");
    while fixture.turn([]) {}
    assert_eq!(count(&sinks), 4_999);
    fixture.second(&[]);
    while fixture.turn([]) {}
    let due = [vec![(7, Online)], vec![(8, Online)]];
    for (place, sink) in sinks.iter().enumerate() {
        if place == late {
            assert_eq!(told(sink), [[(7, Online), (8, Online)]]);
        } else {
            assert_eq!(told(sink), due);
        }
    }
    fixture.second(&[]);
    assert!(!fixture.shard.is_telling());
}

#[test]
fn nobody_watches_where_there_is_no_memory_for_it() {
    let mut fixture = Fixture::new();
    let sinks = fixture.add_crowd(1);
    let many = |from: u64| -> Vec<_> {
        let accounts = (from..from + 200).map(|id| (id, PresenceState::Offline));
        accounts.collect()
    };
    fixture.watch(1, &many(1));
    fixture.flush();
    fixture.later(Duration::from_secs(1));
    fixture.watch(1, &many(201));
    fixture.flush();
    let busy = frame::refusal(1, &shared::error::Reason::Busy.into());
    let frames = sinks[0].frames();
    let refused = frames.iter().filter(|frame| frame.ends_with(&busy)).count();
    assert_eq!((frames.len(), refused), (2, 1));
    // Who watches nobody needs none.
    fixture.watch(1, &[]);
    fixture.flush();
    fixture.later(Duration::from_secs(1));
    fixture.watch(1, &many(201));
    fixture.flush();
    assert_eq!(sinks[0].frames().len(), 4);
}
