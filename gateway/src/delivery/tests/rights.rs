//! Who gets an event, and what a change of rights does to it.

use prometheus::IntGauge;
use shared::{
    bus::envelope::{Caller, CallerKind},
    ids::{SessionId, UserId},
};

use super::*;
use crate::{
    delivery::message::{Notice, RightsChange, RightsEvent},
    metrics::Counted,
};

/// What a change of rights tells a session: its own frames, in short.
fn told(sink: &Sink) -> Vec<String> {
    let frames = sink.frames();
    let mut told = Vec::new();
    for frame in &frames {
        let payload = frame::websocket_payload(frame).unwrap();
        match frame::ServerFrame::read(payload) {
            Some(frame::ServerFrame::Event { seq, .. }) => told.push(seq.to_string()),
            _ if payload[1] == 8 => told.push("cursor".to_owned()),
            _ => {
                let notice: Notice = shared::protocol::decode(&payload[2..]).unwrap();
                let names = |list: &[ChannelId]| list.iter().map(|id| id.get()).collect::<Vec<_>>();
                let (shown, hidden) = (names(&notice.shown), names(&notice.hidden));
                told.push(format!("sight {} {shown:?} {hidden:?}", notice.seq));
            }
        }
    }
    told
}

fn notice(seq: u64, shown: &[u64], hidden: &[u64]) -> Arc<Notice> {
    Arc::new(Notice {
        topic: TOPIC,
        seq,
        shown: ids(shown).to_vec(),
        hidden: ids(hidden).to_vec(),
    })
}

#[test]
fn rights_change_with_their_event() {
    let mut fixture = Fixture::new();
    let [falls, stays, waits] = [Sink::open(), Sink::open(), Sink::open()];
    for (connection_id, sink) in (1..).zip([&falls, &stays, &waits]) {
        fixture.add(connection_id, Dialect::MessagePack, sink);
    }
    fixture.join(1, 7, &[1]);
    fixture.join(2, 7, &[1]);
    fixture.join_at(3, 7, &[1], (0, false));
    fixture.event(1, 1);
    // The first one falls to a group of his own; all others gain a channel.
    fixture.tell(ToShard::Rights(Arc::new(RightsChange {
        topic: TOPIC,
        event: Some(RightsEvent {
            event: event(2, 2, None),
            before: false,
        }),
        groups: vec![(GroupId(7), ids(&[1, 2]), Some(notice(2, &[2], &[])))],
        moved: vec![(1, GroupId(8), ids(&[3]), Some(notice(2, &[3], &[1])))],
    })));
    for channel in [1, 2, 3] {
        fixture.event(channel + 2, channel);
    }
    assert!(fixture.release(3));
    fixture.flush();
    fixture.later(Duration::from_mins(1));
    assert_eq!(told(&falls), ["1", "sight 2 [3] [1]", "cursor", "5"]);
    let all = ["1", "2", "sight 2 [2] []", "3", "4", "cursor"];
    assert_eq!(told(&stays), all);
    assert_eq!(told(&waits), all);
}

#[test]
fn who_saw_a_channel_that_is_gone_is_told_so() {
    let mut fixture = Fixture::new();
    let (saw, did_not) = (Sink::open(), Sink::open());
    fixture.add(1, Dialect::MessagePack, &saw);
    fixture.add(2, Dialect::MessagePack, &did_not);
    fixture.join(1, 7, &[1, 2]);
    fixture.join(2, 8, &[1]);
    fixture.tell(ToShard::Rights(Arc::new(RightsChange {
        topic: TOPIC,
        event: Some(RightsEvent {
            event: event(1, 2, None),
            before: true,
        }),
        groups: vec![(GroupId(7), ids(&[1]), Some(notice(1, &[], &[2])))],
        moved: Vec::new(),
    })));
    fixture.event(2, 2);
    fixture.event(3, 1);
    fixture.flush();
    assert_eq!(told(&saw), ["1", "sight 1 [] [2]", "cursor", "3"]);
    assert_eq!(told(&did_not), ["cursor", "3"]);
}

#[test]
fn an_event_for_some_accounts_is_hidden_from_the_others() {
    let mut fixture = Fixture::new();
    let (alice, bob) = (Sink::open(), Sink::open());
    for (connection_id, sink) in [(1, &alice), (2, &bob)] {
        let connection = fixture.add(connection_id, Dialect::MessagePack, sink);
        let caller = Caller {
            kind: CallerKind::Person,
            user: UserId::new(connection_id).unwrap(),
            session: SessionId::new(connection_id).unwrap(),
        };
        connection.open_session(
            caller,
            Counted::new(&IntGauge::new("sessions", "-").unwrap()),
        );
        fixture.join(connection_id, 7, &[1]);
    }
    fixture.tell(ToShard::Events(vec![event(1, 1, Some(vec![2]))]));
    fixture.event(2, 1);
    fixture.flush();
    assert_eq!(told(&alice), ["cursor", "2"]);
    // The group is carried past it as a whole.
    assert_eq!(bob.seqs(), [1, 2]);
    // Where one follows the other, the others are not carried past each.
    for seq in 3..20 {
        fixture.tell(ToShard::Events(vec![event(seq, 1, Some(vec![2]))]));
    }
    fixture.flush();
    assert_eq!(alice.frames().len(), 2);
    assert_eq!(bob.seqs().len(), 19);
}

#[test]
fn a_new_membership_has_nothing_of_an_earlier_one() {
    let mut fixture = Fixture::new();
    let sink = fixture.add_buffered();
    fixture.event(6, 1);
    fixture.tell(ToShard::Leave(1, TOPIC, true));
    // Its replay was given up, and it comes again.
    fixture.join_at(1, 8, &[1], (8, false));
    fixture.event(9, 1);
    assert!(fixture.release(1));
    fixture.event(10, 1);
    fixture.flush();
    assert_eq!(sink.seqs(), [9, 10]);
}
