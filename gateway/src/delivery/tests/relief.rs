//! Who goes when others have room.

use super::*;

/// When each was asked to go, by the order in which they came.
fn asked(sinks: &[Sink]) -> Vec<Option<u64>> {
    sinks.iter().map(Sink::asked_to_go).collect()
}

#[test]
fn those_who_came_first_go_evenly_and_nobody_is_asked_twice() {
    let mut fixture = Fixture::new();
    let sinks: Vec<Sink> = (0..5).map(|_| Sink::open()).collect();
    for (connection_id, sink) in (1..).zip(&sinks) {
        fixture.add(connection_id, Dialect::MessagePack, sink);
    }
    let relieve = |fixture: &mut Fixture, count| {
        fixture.tell(ToShard::Relieve(count, Duration::from_secs(2)));
        fixture.flush();
    };
    relieve(&mut fixture, 2);
    let first = [Some(0), Some(1_000), None, None, None];
    assert_eq!(asked(&sinks), first);
    let written = |sink: &Sink| sink.seen.lock().unwrap().len();
    let before = written(&sinks[0]);
    relieve(&mut fixture, 1);
    assert_eq!(asked(&sinks), [first[0], first[1], Some(0), None, None]);
    relieve(&mut fixture, 9);
    assert_eq!(asked(&sinks)[3..], [Some(0), Some(1_000)]);
    assert_eq!(written(&sinks[0]), before, "asked twice");
}

#[test]
fn a_drain_asks_everybody_itself() {
    let mut fixture = Fixture::new();
    let sink = Sink::open();
    fixture.add(1, Dialect::MessagePack, &sink);
    fixture.tell(ToShard::Drain(Duration::from_secs(20)));
    fixture.tell(ToShard::Relieve(1, Duration::from_secs(2)));
    fixture.flush();
    assert_eq!(sink.asked_to_go(), None);
}
