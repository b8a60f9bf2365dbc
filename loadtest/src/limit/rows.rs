//! The rows of messages as a lane writes them, made up: the same tables, the
//! same columns, the same sizes, and nothing that decides about them.

use futures_util::future::{join_all, join3, try_join_all};
use shared::protocol::{Event as _, message::MessageCreated};
use tokio_postgres::{Client, Error, Statement, types::ToSql};

use crate::random::Random;

/// An event is its message with what surrounds it: ids, author, frame headers.
const AROUND: usize = 48;
/// A reply is an id and a seq.
const REPLY: usize = 12;
/// SHA-256.
const HASH: usize = 32;

const MESSAGES: &str = "
    INSERT INTO messages (channel, seq, id, author, content)
    SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[])";

const EVENTS: &str = "
    INSERT INTO events (topic, seq, day, partition, position, opcode, channel, body)
    SELECT topic, seq, CURRENT_DATE, partition, position, $4::int4, topic, body
    FROM unnest($1::int8[], $2::int8[], $3::int8[], $5::int2[], $6::bytea[])
        AS e (topic, seq, position, partition, body)";

const NONCES: &str = "
    INSERT INTO nonces (scope, author, nonce, day, body_hash, result)
    SELECT scope, author, nonce, CURRENT_DATE, body_hash, result
    FROM unnest($1::int8[], $2::int8[], $3::text[], $4::bytea[], $5::bytea[])
        AS n (scope, author, nonce, body_hash, result)";

const CHANNELS: &str = "
    UPDATE channels c SET last_seq = u.seq, last_message_id = u.id
    FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS u (channel, seq, id) WHERE c.id = u.channel";

const TOPICS: &str = "
    UPDATE topics t SET head = u.head FROM unnest($1::int8[], $2::int8[]) AS u (id, head) WHERE t.id = u.id";

const PARTITIONS: &str = "
    UPDATE partitions p SET offset_ms = offset_ms + 1, last_id = $2, position = $2
    FROM unnest($1::int2[]) AS u (id) WHERE p.id = u.id";

/// One server with one channel per room, in one topic each; and today's parts
/// of the tables that are parted by day.
pub(super) async fn prepare(client: &Client, rooms: usize) -> Result<(), Error> {
    client
        .batch_execute(&format!(
            "CREATE TABLE events_today PARTITION OF events DEFAULT;
             CREATE TABLE nonces_today PARTITION OF nonces DEFAULT;
             INSERT INTO servers SELECT id, 'room', 1 FROM generate_series(1, {rooms}) AS id;
             INSERT INTO topics SELECT id, 0 FROM generate_series(1, {rooms}) AS id;
             INSERT INTO channels (id, server, name, position)
                 SELECT id, id, 'room', 0 FROM generate_series(1, {rooms}) AS id;
             ANALYZE; CHECKPOINT"
        ))
        .await
}

/// Writes batches over one connection.
pub(super) struct Writer<'a> {
    client: &'a Client,
    /// Messages, events, nonces, channels, topics, partitions.
    statements: Vec<Statement>,
}

/// Where the made-up messages are.
pub(super) struct Rooms {
    random: Random,
    content: String,
    body: Vec<u8>,
    /// The last seq of each room.
    heads: Vec<i64>,
    last_id: i64,
}

/// The columns of one batch.
#[derive(Default)]
pub(super) struct Batch {
    rooms: Vec<i64>,
    seqs: Vec<i64>,
    ids: Vec<i64>,
    authors: Vec<i64>,
    partitions: Vec<i16>,
    nonces: Vec<String>,
    hashes: Vec<Vec<u8>>,
    /// The rooms that moved, with their last message.
    moved: Vec<i64>,
    moved_seqs: Vec<i64>,
    moved_ids: Vec<i64>,
    moved_partitions: Vec<i16>,
}

impl Rooms {
    pub(super) fn new(rooms: usize, content: usize) -> Self {
        Self {
            random: Random::new(1),
            content: "m".repeat(content),
            body: vec![1; content + AROUND],
            heads: vec![0; rooms],
            last_id: 0,
        }
    }

    /// The next messages, in any rooms.
    pub(super) fn batch(&mut self, size: usize) -> Batch {
        let mut batch = Batch::default();
        let mut last = std::collections::BTreeMap::new();
        for _ in 0..size {
            let place = self.random.below(self.heads.len() as u64);
            let Some(head) = usize::try_from(place)
                .ok()
                .and_then(|place| self.heads.get_mut(place))
            else {
                continue;
            };
            *head += 1;
            self.last_id += 1;
            let room = place.cast_signed() + 1;
            batch.rooms.push(room);
            batch.seqs.push(*head);
            batch.ids.push(self.last_id);
            batch.authors.push(self.random.below(1_000).cast_signed());
            batch.partitions.push(partition(room));
            let (high, low) = (self.random.next(), self.random.next());
            batch.nonces.push(format!("{high:016x}{low:016x}"));
            batch.hashes.push(low.to_be_bytes().repeat(HASH / 8));
            last.insert(room, (*head, self.last_id));
        }
        for (room, (seq, id)) in last {
            batch.moved.push(room);
            batch.moved_seqs.push(seq);
            batch.moved_ids.push(id);
            batch.moved_partitions.push(partition(room));
        }
        batch.moved_partitions.sort_unstable();
        batch.moved_partitions.dedup();
        batch
    }
}

impl<'a> Writer<'a> {
    pub(super) async fn new(client: &'a Client) -> Result<Self, Error> {
        client
            .batch_execute("SET synchronous_commit = on; SET client_min_messages = warning")
            .await?;
        let statements = [MESSAGES, EVENTS, NONCES, CHANNELS, TOPICS, PARTITIONS];
        let statements = statements.map(|statement| client.prepare(statement));
        Ok(Self {
            client,
            statements: try_join_all(statements).await?,
        })
    }

    /// Writes a batch in one transaction and one pipeline.
    pub(super) async fn write(&self, batch: &Batch, rooms: &Rooms) -> Result<(), Error> {
        let contents = vec![rooms.content.as_str(); batch.ids.len()];
        let bodies = vec![rooms.body.as_slice(); batch.ids.len()];
        // As of a message: a consumer reads those by an index.
        let opcode = i32::from(MessageCreated::OPCODE);
        let replies = vec![[2_u8; REPLY].as_slice(); batch.ids.len()];
        let Batch {
            rooms: of,
            seqs,
            ids,
            authors,
            partitions,
            nonces,
            hashes,
            ..
        } = batch;
        let parameters: [&[&(dyn ToSql + Sync)]; 6] = [
            &[of, seqs, ids, authors, &contents],
            &[of, seqs, ids, &opcode, partitions, &bodies],
            &[of, authors, nonces, hashes, &replies],
            &[&batch.moved, &batch.moved_seqs, &batch.moved_ids],
            &[&batch.moved, &batch.moved_seqs],
            &[&batch.moved_partitions, &rooms.last_id],
        ];
        let rows = self.statements.iter().zip(parameters);
        let rows = rows.map(|(statement, values)| self.client.execute(statement, values));
        // Polled in this order, so sent in this order. An error of one aborts the transaction, and
        // COMMIT says Ok even then.
        let (begun, written, committed) = join3(
            self.client.batch_execute("BEGIN"),
            join_all(rows),
            self.client.batch_execute("COMMIT"),
        )
        .await;
        begun?;
        written.into_iter().collect::<Result<Vec<_>, _>>()?;
        committed
    }
}

fn partition(room: i64) -> i16 {
    i16::try_from(room % 64).unwrap_or_default()
}
