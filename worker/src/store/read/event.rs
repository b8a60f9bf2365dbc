//! The event log and its heads, as gateways ask for them.

use std::collections::BTreeMap;

use super::{Snapshot, count, sql};
use crate::{error::StoreError, store::epoch};

/// The most events of one page.
const PAGE_EVENTS: i64 = 1_000;
/// What an event costs besides its body.
const EVENT_BYTES: i64 = 64;
/// The most changes of rights that a replay undoes.
const MAX_CHANGES: i64 = 1_000;
/// And the most bytes of them.
const MAX_CHANGES_BYTES: usize = 1024 * 1024;

/// A page of the log of one topic.
pub(crate) struct EventsPage {
    /// Dense, oldest first.
    pub(crate) events: Vec<EventRow>,
    /// The head in the same snapshot.
    pub(crate) head: u64,
}

/// An event of the log.
pub(crate) struct EventRow {
    pub(crate) seq: u64,
    pub(crate) opcode: u16,
    pub(crate) channel: Option<u64>,
    pub(crate) audience: Option<Vec<u8>>,
    pub(crate) effect: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

/// Seq, opcode, channel, audience, effect and body.
type EventColumns = (
    i64,
    i32,
    Option<i64>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<u8>,
);

/// Names the log of this database: places of another log mean nothing in it.
pub(crate) async fn epoch(snapshot: &mut Snapshot) -> Result<String, StoreError> {
    let (known, deployment, started): (bool, String, i64) = sqlx::query_as(epoch::DEPLOYMENT)
        .fetch_one(&mut *snapshot.transaction)
        .await?;
    if let Some(name) = snapshot.log.of(started, &deployment) {
        return Ok(name);
    }
    let database: String = sqlx::query_scalar(epoch::database(known))
        .fetch_one(&mut *snapshot.transaction)
        .await?;
    snapshot.log.learn(started, &database);
    Ok(epoch::join(&database, &deployment))
}

/// The heads of topics; those without events yet are missing.
pub(crate) async fn find_heads(
    snapshot: &mut Snapshot,
    topics: &[u64],
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let ids: Vec<i64> = topics.iter().copied().map(sql).collect();
    let rows: Vec<(i64, i64)> = sqlx::query_as("SELECT id, head FROM topics WHERE id = ANY($1)")
        .bind(ids)
        .fetch_all(&mut *snapshot.transaction)
        .await?;
    rows.into_iter()
        .map(|(topic, head)| Ok((count(topic)?, count(head)?)))
        .collect()
}

/// The events after a place, up to the first that the log no longer holds.
pub(crate) async fn list_events(
    snapshot: &mut Snapshot,
    topic: u64,
    after: u64,
    bytes: u32,
) -> Result<EventsPage, StoreError> {
    let head = find_heads(snapshot, &[topic]).await?;
    let rows: Vec<EventColumns> = sqlx::query_as(
        "SELECT seq, opcode, channel, audience, effect, body
         FROM (SELECT *, sum(octet_length(body) + $5) OVER (ORDER BY seq) AS size
               FROM (SELECT seq, opcode, channel, audience, effect, body FROM events
                     WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3) log) sized
         WHERE size <= $4 OR seq = $2 + 1
         ORDER BY seq",
    )
    .bind(sql(topic))
    // One less than the largest: the statement adds one.
    .bind(sql(after).min(i64::MAX - 1))
    .bind(PAGE_EVENTS)
    .bind(i64::from(bytes))
    .bind(EVENT_BYTES)
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    let mut events: Vec<EventRow> = Vec::with_capacity(rows.len());
    for (seq, opcode, channel, audience, effect, body) in rows {
        let seq = count(seq)?;
        // A day was dropped: what lies beyond the hole cannot follow.
        if seq != after + 1 + events.len() as u64 {
            break;
        }
        events.push(EventRow {
            seq,
            opcode: u16::try_from(opcode)
                .map_err(|_| StoreError::Inconsistency("the opcode of an event"))?,
            channel: channel.map(count).transpose()?,
            audience,
            effect,
            body,
        });
    }
    Ok(EventsPage {
        events,
        head: head.get(&topic).copied().unwrap_or(0),
    })
}

/// The packed effects of a topic behind `after` and up to `until`, oldest first;
/// none when there are more than a replay undoes.
pub(crate) async fn list_changes(
    snapshot: &mut Snapshot,
    topic: u64,
    after: u64,
    until: u64,
) -> Result<Option<Vec<(u64, Vec<u8>)>>, StoreError> {
    // The condition is that of the index `events_effects`, word for word.
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT seq, effect FROM events
         WHERE topic = $1 AND seq > $2 AND seq <= $3 AND effect IS NOT NULL
         ORDER BY seq LIMIT $4",
    )
    .bind(sql(topic))
    .bind(sql(after))
    .bind(sql(until))
    .bind(MAX_CHANGES + 1)
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    let bytes: usize = rows.iter().map(|(_, effect)| effect.len()).sum();
    if i64::try_from(rows.len()).is_ok_and(|count| count > MAX_CHANGES) || bytes > MAX_CHANGES_BYTES
    {
        return Ok(None);
    }
    rows.into_iter()
        .map(|(seq, effect)| Ok((count(seq)?, effect)))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The last event with an effect of each of these topics.
pub(crate) async fn find_settled(
    snapshot: &mut Snapshot,
    topics: &[u64],
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let ids: Vec<i64> = topics.iter().copied().map(sql).collect();
    let rows: Vec<(i64, Option<i64>)> = sqlx::query_as(
        "SELECT t.id, (SELECT e.seq FROM events e
                       WHERE e.topic = t.id AND e.effect IS NOT NULL
                       ORDER BY e.seq DESC LIMIT 1)
         FROM unnest($1::bigint[]) t (id)",
    )
    .bind(ids)
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    rows.into_iter()
        .map(|(topic, seq)| Ok((count(topic)?, count(seq.unwrap_or(0))?)))
        .collect()
}
