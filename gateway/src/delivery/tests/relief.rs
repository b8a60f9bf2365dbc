//! Who goes when others have fewer connections.

use super::*;

/// In which second each was asked to go, if it was.
fn asked(sinks: &[Sink]) -> Vec<Option<u64>> {
    let second = |sink: &Sink| Some(sink.asked_to_go()? / 1_000);
    sinks.iter().map(second).collect()
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
    let mut first = asked(&sinks);
    assert_eq!(first.split_off(2), [None; 3]);
    let written = |sink: &Sink| sink.seen.lock().unwrap().len();
    let before = written(&sinks[0]);
    relieve(&mut fixture, 1);
    assert!(asked(&sinks)[2].is_some());
    assert_eq!(asked(&sinks)[3..], [None; 2]);
    relieve(&mut fixture, 9);
    let mut last = asked(&sinks).split_off(3);
    assert_eq!(written(&sinks[0]), before, "asked twice");
    for both in [&mut first, &mut last] {
        both.sort_unstable();
        assert_eq!(**both, [Some(0), Some(1)], "evenly over two seconds");
    }
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
