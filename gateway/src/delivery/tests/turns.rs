//! Large answers, hot rooms, and what a turn of the shard is.

use super::*;

fn reply(request: u32, bytes: usize) -> ToShard<Sink> {
    let body = shared::protocol::encode(&("x".repeat(bytes),));
    ToShard::Reply {
        connection_id: 1,
        opcode: 2_049,
        request,
        payload: frame::reply(0, &body).into(),
    }
}

#[test]
fn an_answer_larger_than_the_bound_is_no_reason_to_close() {
    let mut fixture = Fixture::new();
    let (sink, connection) = fixture.add_member();
    for request in 1..=3 {
        fixture.tell(reply(request, 3 * BOUND));
        fixture.event(u64::from(request), 1);
        fixture.flush();
    }
    assert!(!connection.is_closing());
    assert!(sink.seen.lock().unwrap().len() > 9 * BOUND);
}

#[test]
fn large_answers_wait_for_their_reader_and_too_many_are_refused() {
    let mut fixture = Fixture::new();
    let sink = Sink::default();
    sink.room.store(BOUND / 4, Ordering::Relaxed);
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    fixture.join(1, 7, &[1]);
    for request in 1..=3 {
        fixture.tell(reply(request, 2 * BOUND));
        fixture.flush();
    }
    // Events have the room that they always have.
    for seq in 1..=20 {
        fixture.event(seq, 1);
    }
    assert!(!connection.is_closing());
    // A slice of a quarter of the bound each time, and never a stall.
    let mut slices = 0;
    while !fixture.blocked.is_empty() {
        sink.room.store(BOUND / 4, Ordering::Relaxed);
        fixture.unblock();
        fixture.later(Duration::from_secs(29));
        slices += 1;
        assert!(slices < 40 && !connection.is_closing(), "{slices}");
    }
    let seen = sink.seen.lock().unwrap();
    let payload = |request| frame::reply(request, &[])[..3].to_vec();
    let has = |needle: &[u8]| seen.windows(needle.len()).any(|bytes| bytes == needle);
    assert!(has(&payload(1)) && has(&payload(2)));
    let busy = shared::error::Refusal::retry(shared::error::Reason::Busy, 1_000);
    assert!(has(&frame::refusal(3, &busy)));
}

#[test]
fn a_large_answer_that_is_read_by_drops_is_ended() {
    let mut fixture = Fixture::new();
    let sink = Sink::default();
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    fixture.tell(reply(1, 2 * BOUND));
    fixture.flush();
    for _ in 0..29 {
        fixture.later(Duration::from_secs(1));
        sink.room.store(1, Ordering::Relaxed);
        fixture.unblock();
    }
    assert!(!connection.is_closing());
    fixture.later(Duration::from_secs(1));
    assert!(connection.is_closing());
}

#[test]
fn a_hot_room_keeps_nobody_else_from_a_reply() {
    let mut fixture = Fixture::new();
    let sinks = fixture.add_crowd(3_000);
    let lonely = Sink::open();
    fixture.add(9_000, Dialect::MessagePack, &lonely);
    let got = |seq| {
        let has = |sink: &&Sink| sink.seqs().contains(&seq);
        sinks.iter().filter(has).count()
    };
    fixture.event(1, 1);
    assert!(fixture.shard.flush(fixture.now, &mut fixture.blocked));
    assert!((500..2_000).contains(&got(1)), "{}", got(1));
    // The oldest first.
    assert!(sinks[0].seqs() == [1] && sinks[2_999].seqs().is_empty());
    fixture.event(2, 1);
    fixture.tell(ToShard::Send(9_000, vec![text(10)]));
    assert!(fixture.shard.flush(fixture.now, &mut fixture.blocked));
    assert_eq!(lonely.frames().len(), 1, "the next turn is his");
    while fixture.shard.flush(fixture.now, &mut fixture.blocked) {}
    assert!(sinks.iter().all(|sink| sink.seqs() == [1, 2]));
    // Who waited for the first one got the second one with it.
    assert_eq!(sinks[2_999].calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_turn_ends_where_its_frames_are_enough_and_goes_on_there() {
    let mut fixture = Fixture::new();
    let sinks = fixture.add_crowd(1_000);
    let mut messages: std::collections::VecDeque<_> = [1, 101]
        .map(|from| ToShard::Events((from..from + 100).map(|seq| event(seq, 1, None)).collect()))
        .into();
    let mut turns = 0;
    while !messages.is_empty() {
        fixture.shard.apply_some(&mut messages, fixture.now);
        fixture.flush();
        turns += 1;
    }
    assert_eq!(turns, 4, "200,000 frames");
    assert!(sinks.iter().all(|sink| sink.seqs().len() == 200));
}

#[test]
fn what_waits_is_charged_as_large_as_it_is_in_its_dialect() {
    let mut fixture = Fixture::new();
    let (binary, json) = (Sink::open(), Sink::open());
    fixture.add(1, Dialect::MessagePack, &binary);
    fixture.add(2, Dialect::Json, &json);
    fixture.join_at(1, 7, &[1], (5, false));
    fixture.join_at(2, 7, &[1], (5, false));
    // A few bytes each in MessagePack, more than a hundred in JSON.
    for seq in 6..8 {
        fixture.event(seq, 1);
    }
    assert!(fixture.release(1));
    assert!(!fixture.release(2), "it joins anew, and is not closed");
}

#[test]
fn who_lost_a_topic_is_told_which_and_when_to_come_back() {
    let mut fixture = Fixture::new();
    let (sink, _) = fixture.add_member();
    let close = Close::Code(shared::close::CloseCode::OutOfSync);
    fixture.tell(ToShard::CloseTopic(TOPIC, close));
    fixture.flush();
    let frame = sink.frames().pop().unwrap();
    assert_eq!(frame[2..4], 4_007_u16.to_be_bytes());
    let text = std::str::from_utf8(&frame[4..]).unwrap();
    let (named, topic) = text.split_once(" topic=").unwrap();
    let delay = named.strip_prefix("OutOfSync retry_after=").unwrap();
    assert!(delay.parse::<u64>().unwrap() < 1_000);
    assert_eq!(topic.parse(), Ok(TOPIC));
}

#[test]
fn when_too_much_waits_in_all_those_go_who_are_most_behind() {
    let mut fixture = Fixture::new();
    let sinks: Vec<Sink> = (0..40).map(|_| Sink::default()).collect();
    let connections: Vec<_> = (1..)
        .zip(&sinks)
        .map(|(connection_id, sink)| fixture.add(connection_id, Dialect::MessagePack, sink))
        .collect();
    // Nobody is beyond his own bound.
    for connection_id in 1..=40 {
        let bytes = if connection_id <= 10 { 900 } else { 500 };
        fixture.tell(ToShard::Send(connection_id, vec![text(bytes)]));
    }
    fixture.flush();
    fixture.later(Duration::from_millis(250));
    let open = |range: std::ops::Range<usize>| {
        connections[range]
            .iter()
            .filter(|connection| !connection.is_closing())
            .count()
    };
    // 24,000 of 20,000 bytes waited, and 18,000 may stay.
    assert_eq!((open(0..10), open(10..40)), (3, 30));
    fixture.later(Duration::from_secs(10));
    assert_eq!((open(0..10), open(10..40)), (3, 30), "that was enough");
}

#[test]
fn who_agreed_on_compression_shares_one_compressed_frame() {
    let mut fixture = Fixture::new();
    let (plain, small, other) = (Sink::open(), Sink::open(), Sink::open());
    fixture.add(1, Dialect::Json, &plain);
    for (connection_id, sink) in [(2, &small), (3, &other)] {
        let permit = fixture.limit.take_permit([127, 0, 0, 1].into()).unwrap();
        let connection =
            Connection::new(connection_id, 0, Dialect::Json, 0, permit).deflating(true);
        fixture.tell(ToShard::Add(Arc::new(connection), sink.clone()));
    }
    for connection_id in 1..=3 {
        fixture.join(connection_id, 7, &[1]);
    }
    let body = shared::protocol::encode(&(1_u64, "so it goes ".repeat(80)));
    let event = Event::new(&Envelope {
        topic: TOPIC,
        seq: 1,
        after: 0,
        visibility: Some(1),
        audience: None,
        key: None,
        effect: None,
        opcode: 9_999,
        body: body.into(),
        trace: None,
    });
    let event = Arc::new(event);
    let frame = event.frames.frame_for(Dialect::MessagePack, true);
    assert!(frame.len() < 100 && frame[0] == 0xc2, "{}", frame.len());
    fixture.tell(ToShard::Events(vec![event]));
    // Too small to be compressed.
    fixture.event(2, 1);
    fixture.flush();
    assert_eq!(plain.frames().len(), 2);
    assert_eq!(small.frames(), other.frames());
    assert_eq!(small.frames().last(), plain.frames().last());
}
