//! The hot path: reading frames, filtering by visibility, fan-out to 1,000 sessions.

use std::{
    hint::black_box,
    io::{self, IoSlice},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gateway::{
    connection::Connection,
    delivery::{
        event::Event,
        message::{Channels, GroupId, Join, ToShard, Visibility},
        shard::{Shard, ShardConfig},
        sockets::SocketConfig,
        topics::TopicConfig,
    },
    dialect::Dialect,
    limits::{connection_limit::ConnectionLimit, memory_budget::MemoryBudget},
    metrics::{Metrics, ShardMetrics},
    session::frame_reader::{FrameReader, Incoming},
    transport::socket::Socket,
};
use prometheus::Registry;
use shared::{bus::envelope::Envelope, frame::Frame, ids::ChannelId};
use tokio::time::Instant;

const TOPIC: u64 = 4_096_321;

/// A socket that takes everything: what is measured is the gateway.
struct Sink;

impl Socket for Sink {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    async fn writable(&self) {}
}

fn channels(count: u64) -> Channels {
    (1..=count).filter_map(ChannelId::new).collect()
}

fn event(channel: u64, seq: u64) -> Arc<Event> {
    Arc::new(Event::new(&Envelope {
        topic: TOPIC,
        seq,
        after: 0,
        visibility: Some(channel),
        audience: None,
        key: None,
        effect: None,
        opcode: 16,
        body: Bytes::from_static(&[0xc0; 240]),
        trace: None,
    }))
}

/// A shard with `sessions` members of one topic, spread over `groups`.
fn shard(sessions: u64, groups: u32, now: Instant) -> Option<Shard<Sink>> {
    let config = ShardConfig {
        sockets: SocketConfig {
            queue_bytes: 1 << 20,
            stall: Duration::from_secs(30),
            answer: Duration::from_secs(10),
        },
        topics: TopicConfig {
            cursor: Duration::from_secs(30),
            buffer_bytes: 1 << 19,
        },
    };
    let metrics = Metrics::new(&Registry::new()).ok()?;
    let limit = ConnectionLimit::new(usize::MAX, usize::MAX);
    let mut shard = Shard::new(
        config,
        &MemoryBudget::new(usize::MAX),
        ShardMetrics::new(metrics),
    );
    let shown = channels(50);
    for (connection_id, group) in (1..=sessions).zip((0..groups).cycle()) {
        let permit = limit.take_permit([127, 0, 0, 1].into()).ok()?;
        let connection = Connection::new(connection_id, 0, Dialect::MessagePack, 0, permit);
        shard.apply_message(ToShard::Add(Arc::new(connection), Sink), now);
        let join = Join {
            connection_id,
            topic: TOPIC,
            position: 0,
            released: true,
            group: Some(GroupId(group)),
            visibility: Visibility::Channels(Arc::clone(&shown)),
        };
        shard.apply_message(ToShard::Join(join), now);
    }
    Some(shard)
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    let body = [
        &[0x93, 0xa8][..],
        b"nonce-01",
        &[5, 0xd9, 200],
        &[b'x'; 200],
    ]
    .concat();
    let frame = Frame {
        opcode: 16,
        request: 70_000,
        scope: TOPIC,
        body: &body,
    }
    .write();
    // A mask of zeros: the work is the same.
    let mut bytes = vec![0x82, 0xfe];
    bytes.extend(u16::try_from(frame.len()).unwrap_or(0).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(&frame);
    group.throughput(Throughput::Elements(1));
    group.bench_function("frame of 200 characters", |bencher| {
        let mut frame_reader = FrameReader::new(65_536, false);
        bencher.iter(|| {
            frame_reader.feed(black_box(&mut bytes), &mut |incoming| {
                if let Incoming::Binary(bytes) = incoming {
                    black_box(Frame::read(bytes).is_ok());
                }
                Ok(())
            })
        });
    });
    group.finish();
}

fn filtering(criterion: &mut Criterion) {
    let visibility = Visibility::Channels(channels(500));
    let (seen, hidden) = (ChannelId::new(250), ChannelId::new(501));
    criterion.bench_function("sight of 500 channels", |bencher| {
        bencher.iter(|| {
            (
                visibility.sees(black_box(seen)),
                visibility.sees(black_box(hidden)),
            )
        });
    });
}

fn fanning(criterion: &mut Criterion) {
    let now = Instant::now();
    let mut group = criterion.benchmark_group("fan-out to 1,000 sessions");
    for (groups, per_turn) in [(1, 1_u64), (1, 16), (1, 64), (100, 1)] {
        let Some(mut shard) = shard(1_000, groups, now) else {
            continue;
        };
        let events: Vec<_> = (0..per_turn).map(|seq| event(5, seq + 1)).collect();
        let mut blocked = Vec::new();
        group.throughput(Throughput::Elements(1_000 * per_turn));
        let name = format!("{per_turn} per turn");
        group.bench_function(
            BenchmarkId::new(name, format!("{groups} groups")),
            |bencher| {
                bencher.iter(|| {
                    for event in &events {
                        shard.deliver_event(event, now);
                    }
                    shard.flush(now, &mut blocked);
                });
            },
        );
    }
    group.finish();
}

fn rendering(criterion: &mut Criterion) {
    let event = event(5, 1);
    let bytes: &Bytes = event.frames.frame(Dialect::MessagePack);
    criterion.bench_function("event to JSON, once for all sessions", |bencher| {
        bencher.iter(|| gateway::dialect::write_json_event(black_box(bytes)));
    });
}

criterion_group!(benches, reading, filtering, fanning, rendering);
criterion_main!(benches);
