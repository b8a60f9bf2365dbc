//! A shard without sockets, in virtual time.

mod presence;
mod relief;
mod rights;
mod turns;

use std::{
    io::{self, IoSlice},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use prometheus::Registry;
use shared::{
    bus::envelope::{Answer, Envelope},
    frame::{self, WebSocketKind, opcode, websocket},
    ids::ChannelId,
    protocol::control::Reconnect,
};
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    time::Instant,
};

use super::{
    event::Event,
    message::*,
    shard::{Shard, ShardConfig},
    sockets::*,
    topics::*,
};
use crate::{
    connection::{Connection, PendingCommand},
    dialect::Dialect,
    limits::{connection_limit::ConnectionLimit, memory_budget::MemoryBudget},
    metrics::{Metrics, ShardMetrics},
    transport::socket::Socket,
};

const TOPIC: u64 = 4_096_321;
const BOUND: usize = 1_000;
/// Of the whole gateway: what no test but one reaches.
const MEMORY: usize = 20 * BOUND;

/// Takes so many bytes, and keeps them.
#[derive(Clone, Default)]
struct Sink {
    room: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Sink {
    fn open() -> Self {
        let sink = Self::default();
        sink.room.store(usize::MAX / 2, Ordering::Relaxed);
        sink
    }

    /// The frames that were written.
    fn frames(&self) -> Vec<Vec<u8>> {
        let seen = self.seen.lock().unwrap();
        let (mut rest, mut frames) = (&seen[..], Vec::new());
        while let Some(length) = rest.get(1) {
            let (first, other) = rest.split_at(2 + usize::from(*length));
            frames.push(first.to_vec());
            rest = other;
        }
        frames
    }

    /// The places of the events that were written.
    fn seqs(&self) -> Vec<u64> {
        let frames = self.frames();
        let events = frames.iter().filter_map(|frame| {
            match frame::ServerFrame::read(frame::websocket_payload(frame)?)? {
                frame::ServerFrame::Event { seq, .. } => Some(seq),
                _ => None,
            }
        });
        events.collect()
    }

    /// The milliseconds after which its gateway wants it to be gone.
    fn asked_to_go(&self) -> Option<u64> {
        self.frames().iter().find_map(|frame| {
            let [0x92, code, body @ ..] = frame::websocket_payload(frame)? else {
                return None;
            };
            let asked = u16::from(*code) == opcode::RECONNECT;
            let asked = asked.then(|| shared::protocol::decode_told::<Reconnect>(body));
            asked?.ok().map(|asked| asked.delay_ms)
        })
    }
}

impl Socket for Sink {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let room = self.room.load(Ordering::Relaxed);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let taken = bytes.len().min(room);
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.room.fetch_sub(taken, Ordering::Relaxed);
        self.seen.lock().unwrap().extend(&bytes[..taken]);
        Ok(taken)
    }

    async fn writable(&self) {}
}

struct Fixture {
    shard: Shard<Sink>,
    limit: ConnectionLimit,
    now: Instant,
    blocked: Vec<BlockedSocket<Sink>>,
}

impl Fixture {
    fn new() -> Self {
        let config = ShardConfig {
            sockets: SocketConfig {
                queue_bytes: BOUND,
                stall: Duration::from_secs(30),
                answer: Duration::from_secs(10),
            },
            topics: TopicConfig {
                cursor: Duration::from_secs(30),
                buffer_bytes: 100,
            },
        };
        let metrics = Metrics::new(&Registry::new()).unwrap();
        Self {
            shard: Shard::new(
                config,
                &MemoryBudget::new(MEMORY),
                ShardMetrics::new(metrics),
            ),
            limit: ConnectionLimit::new(usize::MAX, usize::MAX),
            now: Instant::now(),
            blocked: Vec::new(),
        }
    }

    fn add(&mut self, connection_id: u64, dialect: Dialect, sink: &Sink) -> Arc<Connection> {
        let permit = self.limit.take_permit([127, 0, 0, 1].into()).unwrap();
        let connection = Arc::new(Connection::new(connection_id, 0, dialect, 0, permit));
        self.tell(ToShard::Add(Arc::clone(&connection), sink.clone()));
        connection
    }

    /// A member who sees channel 1.
    fn add_member(&mut self) -> (Sink, Arc<Connection>) {
        let sink = Sink::open();
        let connection = self.add(1, Dialect::MessagePack, &sink);
        self.join(1, 7, &[1]);
        (sink, connection)
    }

    /// The same, while a replay is under way that goes up to event 5.
    fn add_buffered(&mut self) -> Sink {
        let sink = Sink::open();
        self.add(1, Dialect::MessagePack, &sink);
        self.join_at(1, 7, &[1], (5, false));
        sink
    }

    /// So many members who see channel 1.
    fn add_crowd(&mut self, count: usize) -> Vec<Sink> {
        let sinks: Vec<Sink> = (0..count).map(|_| Sink::open()).collect();
        for (connection_id, sink) in (1..).zip(&sinks) {
            self.add(connection_id, Dialect::MessagePack, sink);
            self.join(connection_id, 7, &[1]);
        }
        sinks
    }

    fn join(&mut self, connection_id: u64, group: u32, channels: &[u64]) {
        self.join_at(connection_id, group, channels, (0, true));
    }

    fn join_at(
        &mut self,
        connection_id: u64,
        group: u32,
        channels: &[u64],
        (position, released): (u64, bool),
    ) {
        self.tell(ToShard::Join(Join {
            connection_id,
            topic: TOPIC,
            position,
            released,
            group: Some(GroupId(group)),
            visibility: Visibility::Channels(ids(channels)),
        }));
    }

    fn tell(&mut self, message: ToShard<Sink>) {
        self.shard.apply_message(message, self.now);
    }

    fn event(&mut self, seq: u64, channel: u64) {
        self.tell(ToShard::Events(vec![event(seq, channel, None)]));
    }

    fn flush(&mut self) {
        self.shard.flush(self.now, &mut self.blocked);
        for blocked in &self.blocked {
            let (handle, _) = futures_util::future::AbortHandle::new_pair();
            self.shard.sockets().set_blocked(blocked.slot, handle);
        }
    }

    fn unblock(&mut self) {
        for blocked in self.blocked.drain(..) {
            let (slot, connection_id) = (blocked.slot, blocked.connection_id);
            self.shard.sockets().clear_blocked(slot, connection_id);
        }
        self.flush();
    }

    fn later(&mut self, by: Duration) {
        self.now += by;
        self.shard.tick(self.now);
        self.flush();
    }

    fn release(&mut self, connection_id: u64) -> bool {
        let (reply, mut answer) = oneshot::channel();
        self.tell(ToShard::Release(connection_id, TOPIC, reply));
        answer.try_recv().unwrap()
    }
}

fn event(seq: u64, channel: u64, audience: Option<Vec<u64>>) -> Arc<Event> {
    let body = shared::protocol::encode(&(ChannelId::new(channel), 5_u64));
    Arc::new(Event::new(&Envelope {
        topic: TOPIC,
        seq,
        after: 0,
        visibility: Some(channel),
        audience,
        key: None,
        effect: None,
        opcode: 18,
        body: body.into(),
        trace: None,
    }))
}

fn ids(channels: &[u64]) -> Channels {
    channels
        .iter()
        .filter_map(|id| ChannelId::new(*id))
        .collect()
}

fn text(bytes: usize) -> Bytes {
    websocket(WebSocketKind::Text, &vec![b'x'; bytes]).into()
}

#[test]
fn a_turn_is_one_write_for_each_session_and_allocates_for_none() {
    let mut fixture = Fixture::new();
    let sinks = fixture.add_crowd(1_000);
    let turn = |fixture: &mut Fixture, from: u64| {
        for seq in from..from + 20 {
            fixture.event(seq, 1);
        }
        fixture.flush();
    };
    let capacities = |fixture: &mut Fixture| -> Vec<usize> {
        (0..1_000)
            .map(|slot| fixture.shard.sockets().queue_capacity(slot))
            .collect()
    };
    turn(&mut fixture, 1);
    // A counting allocator would need unsafe code. The queues are the only thing
    // per session that a delivery appends to: their room stays as it was.
    let before = capacities(&mut fixture);
    assert!(before.iter().all(|capacity| (20..=64).contains(capacity)));
    turn(&mut fixture, 21);
    assert_eq!(capacities(&mut fixture), before);
    for sink in &sinks {
        assert_eq!(sink.calls.load(Ordering::Relaxed), 2);
        assert_eq!(sink.seqs(), (1..=40).collect::<Vec<_>>());
    }
    // An idle session gives it back.
    fixture.later(Duration::from_secs(1));
    assert!(
        capacities(&mut fixture)
            .iter()
            .all(|capacity| *capacity == 0)
    );
}

#[test]
fn a_session_that_reads_nothing_is_closed_and_its_memory_is_bounded() {
    let mut fixture = Fixture::new();
    let (slow, quick) = (Sink::default(), Sink::open());
    slow.room.store(10, Ordering::Relaxed);
    let connection = fixture.add(1, Dialect::MessagePack, &slow);
    fixture.add(2, Dialect::MessagePack, &quick);
    fixture.join(1, 7, &[1]);
    fixture.join(2, 7, &[1]);
    let mut seq = 0;
    while !connection.is_closing() {
        seq += 1;
        fixture.event(seq, 1);
        fixture.flush();
        assert!(seq < 100);
    }
    assert_eq!(quick.seqs(), (1..=seq).collect::<Vec<_>>());
    slow.room.store(BOUND, Ordering::Relaxed);
    fixture.unblock();
    // The frame that was begun goes out whole, then the close frame, then nothing.
    assert_eq!(slow.seqs(), [1]);
    let last = slow.frames().pop().unwrap();
    assert_eq!(last[..4], [0x88, 14, 0x0f, 0xa8]);
    assert_eq!(fixture.shard.sockets().len(), 1);
}

#[test]
fn a_stalled_session_is_closed_and_then_dropped() {
    let mut fixture = Fixture::new();
    let sink = Sink::default();
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    fixture.tell(ToShard::Send(1, vec![text(10)]));
    fixture.flush();
    fixture.later(Duration::from_millis(29_999));
    assert!(!connection.is_closing());
    fixture.later(Duration::from_millis(1));
    assert!(connection.is_closing());
    fixture.later(Duration::from_secs(5));
    assert!(fixture.shard.sockets().is_empty());
}

#[test]
fn a_replay_that_is_read_by_drops_is_ended() {
    let mut fixture = Fixture::new();
    let sink = Sink::default();
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    let (drained, mut done) = oneshot::channel();
    fixture.tell(ToShard::Replay(1, vec![text(100); 6], drained));
    fixture.flush();
    for _ in 0..29 {
        // Never so long without any that it would count as stalled.
        fixture.later(Duration::from_secs(1));
        sink.room.store(1, Ordering::Relaxed);
        fixture.unblock();
    }
    assert!(!connection.is_closing() && done.try_recv() == Err(TryRecvError::Empty));
    fixture.later(Duration::from_secs(1));
    assert!(connection.is_closing());
    assert_eq!(done.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn what_is_not_stored_is_dropped_first() {
    let mut fixture = Fixture::new();
    let sink = Sink::default();
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    fixture.join(1, 7, &[1]);
    fixture.tell(ToShard::Send(1, vec![text(100)]));
    fixture.flush();
    for _ in 0..40 {
        fixture.event(0, 1);
    }
    fixture.tell(ToShard::Send(1, vec![text(110); 7]));
    assert!(!connection.is_closing());
    sink.room.store(usize::MAX / 2, Ordering::Relaxed);
    fixture.unblock();
    assert_eq!(sink.frames().len(), 8);
    assert_eq!(sink.seqs(), Vec::<u64>::new());
}

#[test]
fn each_dialect_gets_its_own_form_of_an_event() {
    let mut fixture = Fixture::new();
    let (binary, json) = (Sink::open(), Sink::open());
    fixture.add(1, Dialect::MessagePack, &binary);
    fixture.add(2, Dialect::Json, &json);
    fixture.join(1, 7, &[1]);
    fixture.join(2, 7, &[1]);
    fixture.event(3, 1);
    fixture.flush();
    assert_eq!(binary.seqs(), [3]);
    let frame = json.frames().remove(0);
    let text = std::str::from_utf8(&frame[2..]).unwrap();
    assert!(
        text.starts_with(r#"{"event":"message_deleted","topic":"4096321","seq":3"#),
        "{text}"
    );
}

#[test]
fn groups_are_carried_past_what_they_do_not_see() {
    let mut fixture = Fixture::new();
    let (sees, sees_not) = (Sink::open(), Sink::open());
    fixture.add(1, Dialect::MessagePack, &sees);
    fixture.add(2, Dialect::MessagePack, &sees_not);
    fixture.join(1, 7, &[1, 2]);
    fixture.join(2, 8, &[1]);
    fixture.event(1, 2);
    fixture.event(2, 2);
    fixture.flush();
    fixture.later(Duration::from_secs(30));
    assert_eq!(sees.seqs(), [1, 2]);
    let body = shared::protocol::encode(&(((TOPIC, 2_u64),),));
    let cursor: Vec<u8> = websocket(WebSocketKind::Binary, &frame::control(8, &body));
    assert_eq!(sees_not.frames(), [cursor]);
    // Once is enough, until more is hidden.
    fixture.later(Duration::from_mins(1));
    assert_eq!(sees_not.frames().len(), 1);
    fixture.event(3, 2);
    fixture.event(4, 1);
    fixture.flush();
    fixture.later(Duration::from_mins(1));
    // At once before the next visible event, so that no hole is seen.
    assert_eq!(sees_not.seqs(), [4]);
    assert_eq!(sees_not.frames().len(), 3);
}

#[test]
fn events_wait_for_the_end_of_a_replay() {
    let mut fixture = Fixture::new();
    let sink = fixture.add_buffered();
    fixture.event(6, 1);
    fixture.event(7, 2);
    fixture.flush();
    assert_eq!(sink.seqs(), Vec::<u64>::new());
    assert!(fixture.release(1));
    fixture.event(8, 1);
    fixture.flush();
    assert_eq!(sink.seqs(), [6, 8]);
}

#[test]
fn too_much_that_waits_asks_to_join_anew() {
    let mut fixture = Fixture::new();
    let sink = fixture.add_buffered();
    for seq in 6..30 {
        fixture.event(seq, 1);
    }
    assert!(!fixture.release(1));
    fixture.event(30, 1);
    fixture.flush();
    assert_eq!(sink.seqs(), Vec::<u64>::new());
    fixture.join_at(1, 7, &[1], (30, true));
    fixture.event(31, 1);
    fixture.flush();
    assert_eq!(sink.seqs(), [31]);
}

#[test]
fn who_leaves_during_a_replay_gets_what_came_before_and_its_slot_is_free() {
    let mut fixture = Fixture::new();
    let (first, second) = (Sink::open(), Sink::open());
    fixture.add(1, Dialect::MessagePack, &first);
    fixture.join_at(1, 7, &[1], (5, false));
    fixture.event(6, 1);
    fixture.tell(ToShard::Leave(1, TOPIC, true));
    fixture.event(7, 1);
    assert!(fixture.release(1));
    fixture.event(8, 1);
    fixture.flush();
    assert_eq!(first.seqs(), [6]);
    // Nothing of a connection that ends while it waits reaches the next one in its slot.
    fixture.join_at(1, 7, &[1], (8, false));
    fixture.event(9, 1);
    fixture.tell(ToShard::Leave(1, TOPIC, true));
    fixture.tell(ToShard::Remove(1));
    fixture.add(2, Dialect::MessagePack, &second);
    assert!(fixture.release(2));
    fixture.event(10, 1);
    fixture.flush();
    assert_eq!(second.seqs(), Vec::<u64>::new());
}

#[test]
fn only_answers_that_are_waited_for_are_passed_on() {
    let mut fixture = Fixture::new();
    let sink = Sink::open();
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    let deadline = fixture.now + Duration::from_secs(10);
    for request in [5, 6] {
        let pending = pending(u64::from(request) + 100, request, deadline);
        connection.add_command(pending, 9).unwrap();
    }
    let answers = [105, 105, 107].map(|ticket| answer(ticket, 1));
    fixture.tell(ToShard::Answers(answers.to_vec()));
    fixture.later(Duration::from_secs(10));
    assert_eq!(sink.frames(), [replied(5, 1), unknown(6)]);
    assert_eq!(connection.count_pending(), 0);
}

#[test]
fn a_late_answer_is_not_that_of_a_request_with_the_same_number() {
    let mut fixture = Fixture::new();
    let sink = Sink::open();
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    let expect = |ticket, deadline| {
        connection
            .add_command(pending(ticket, 0, deadline), 9)
            .unwrap();
    };
    expect(1, fixture.now + Duration::from_secs(10));
    fixture.later(Duration::from_secs(10));
    // The client uses its number again, and only then the first answer comes.
    expect(2, fixture.now + Duration::from_secs(10));
    fixture.tell(ToShard::Answers(vec![answer(1, 1)]));
    fixture.flush();
    assert_eq!(sink.frames(), [unknown(0)]);
    assert_eq!(connection.count_pending(), 1);
    let metrics = fixture.shard.sockets().metrics.all().clone();
    assert_eq!(metrics.answers_late_total.get(), 1);
    fixture.tell(ToShard::Answers(vec![answer(2, 2)]));
    fixture.flush();
    assert_eq!(sink.frames(), [unknown(0), replied(0, 2)]);
}

#[test]
fn who_waits_for_an_answer_hears_at_once_that_it_may_be_lost() {
    let mut fixture = Fixture::new();
    let sink = Sink::open();
    let connection = fixture.add(1, Dialect::MessagePack, &sink);
    let deadline = fixture.now + Duration::from_secs(10);
    connection.add_command(pending(1, 7, deadline), 9).unwrap();
    fixture.tell(ToShard::AnswersLost);
    fixture.flush();
    assert_eq!(sink.frames(), [unknown(7)]);
    assert_eq!(connection.count_pending(), 0);
}

fn pending(ticket: u64, request: u32, deadline: Instant) -> PendingCommand {
    PendingCommand {
        ticket,
        request,
        opcode: 16,
        deadline,
    }
}

fn answer(ticket: u64, body: u8) -> Answer {
    Answer {
        connection: 1,
        ticket,
        payload: frame::reply(0, &[body]).into(),
    }
}

fn replied(request: u32, body: u8) -> Vec<u8> {
    websocket(WebSocketKind::Binary, &frame::reply(request, &[body]))
}

fn unknown(request: u32) -> Vec<u8> {
    let refusal = frame::refusal(request, &shared::error::Reason::Unknown.into());
    websocket(WebSocketKind::Binary, &refusal)
}

#[test]
fn a_drain_is_spread_over_the_window() {
    let mut fixture = Fixture::new();
    let sinks: Vec<Sink> = (0..100).map(|_| Sink::open()).collect();
    for (connection_id, sink) in (1..).zip(&sinks) {
        fixture.add(connection_id, Dialect::MessagePack, sink);
    }
    fixture.tell(ToShard::Drain(Duration::from_secs(20)));
    let told = || {
        sinks
            .iter()
            .filter(|sink| !sink.frames().is_empty())
            .count()
    };
    fixture.later(Duration::from_millis(250));
    assert!((1..10).contains(&told()), "{}", told());
    for _ in 0..19 {
        fixture.later(Duration::from_millis(250));
    }
    assert!((30..80).contains(&told()), "{}", told());
    for _ in 0..20 {
        fixture.later(Duration::from_millis(250));
    }
    assert_eq!(told(), 100);
    assert_eq!(fixture.shard.sockets().len(), 100);
    fixture.later(Duration::from_secs(10));
    assert!(fixture.shard.sockets().is_empty(), "closed with 4000");
}

#[test]
fn who_leaves_a_draining_gateway_leaves_evenly() {
    let mut fixture = Fixture::new();
    let sinks: Vec<Sink> = (0..200).map(|_| Sink::open()).collect();
    for (connection_id, sink) in (1..).zip(&sinks) {
        fixture.add(connection_id, Dialect::MessagePack, sink);
    }
    fixture.tell(ToShard::Drain(Duration::from_secs(20)));
    let mut leave_in = [0; 20];
    let mut told = vec![false; sinks.len()];
    for quarter in 1..=44_u64 {
        fixture.later(Duration::from_millis(250));
        for (told, sink) in told.iter_mut().zip(&sinks) {
            let delay = sink.asked_to_go().filter(|_| !*told);
            if let Some(delay_ms) = delay {
                *told = true;
                let second = usize::try_from((quarter * 250 + delay_ms) / 1_000).unwrap();
                leave_in[second] += 1;
            }
        }
    }
    assert!(told.iter().all(|told| *told));
    // Evenly it would be 10 in each second.
    assert!(leave_in.iter().all(|count| *count <= 15), "{leave_in:?}");
}

#[test]
fn what_an_idle_connection_keeps_is_small() {
    use crate::fanout::topic::{Member, Topic};
    // With the future of the session, which has a test of its own, and what the
    // runtime keeps, these are the memory of a connection.
    for (name, size, most) in [
        (
            "writer",
            size_of::<Option<SocketWriter<crate::transport::WriteHalf>>>(),
            224,
        ),
        ("connection", size_of::<Connection>(), 232),
        ("member", size_of::<Member>(), 64),
        ("topic", size_of::<Topic>(), 384),
    ] {
        assert!(size <= most, "{name}: {size}");
    }
}
