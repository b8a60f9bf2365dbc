//! The event log and its heads, as gateways ask for them.

use std::collections::BTreeMap;

use super::Snapshot;
use crate::{
    error::StoreError,
    store::{epoch, values::columns},
};

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

columns! { EventRow { seq, opcode, channel, audience, effect, body } }

/// Names the log of this database: places of another log mean nothing in it.
pub(crate) async fn epoch(snapshot: &mut Snapshot) -> Result<String, StoreError> {
    let (known, deployment, started): (_, String, _) = snapshot.get(epoch::DEPLOYMENT, &[]).await?;
    if let Some(name) = snapshot.log.of(started, &deployment) {
        return Ok(name);
    }
    let database: String = snapshot.get(epoch::database(known), &[]).await?;
    snapshot.log.learn(started, &database);
    Ok(epoch::join(&database, &deployment))
}

/// The heads of topics; those without events yet are missing.
pub(crate) async fn find_heads(
    snapshot: &mut Snapshot,
    topics: &[u64],
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let sql = "SELECT id, head FROM topics WHERE id = ANY($1)";
    let rows: Vec<(u64, u64)> = snapshot.list(sql, &[&topics]).await?;
    Ok(rows.into_iter().collect())
}

/// The events after a place, up to the first that the log no longer holds.
pub(crate) async fn list_events(
    snapshot: &mut Snapshot,
    topic: u64,
    after: u64,
    bytes: u32,
) -> Result<EventsPage, StoreError> {
    let head = find_heads(snapshot, &[topic]).await?;
    let sql = "SELECT seq, opcode, channel, audience, effect, body
               FROM (SELECT *, sum(octet_length(body) + $5) OVER (ORDER BY seq) AS size
                     FROM (SELECT seq, opcode, channel, audience, effect, body FROM events
                           WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3) log) sized
               WHERE size <= $4 OR seq = $2 + 1
               ORDER BY seq";
    // One less than the largest: the statement adds one.
    let above = after.min(u64::MAX / 2 - 1);
    let bytes = i64::from(bytes);
    let mut events: Vec<EventRow> = snapshot
        .list(sql, &[&topic, &above, &PAGE_EVENTS, &bytes, &EVENT_BYTES])
        .await?;
    // A day was dropped: what lies beyond the hole cannot follow.
    let dense = events.iter().zip(after.saturating_add(1)..);
    let dense = dense.take_while(|(event, seq)| event.seq == *seq).count();
    events.truncate(dense);
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
    let sql = "SELECT seq, effect FROM events
               WHERE topic = $1 AND seq > $2 AND seq <= $3 AND effect IS NOT NULL
               ORDER BY seq LIMIT $4";
    let rows: Vec<(u64, Vec<u8>)> = snapshot
        .list(sql, &[&topic, &after, &until, &(MAX_CHANGES + 1)])
        .await?;
    let bytes: usize = rows.iter().map(|(_, effect)| effect.len()).sum();
    let many = i64::try_from(rows.len()).is_ok_and(|count| count > MAX_CHANGES);
    Ok((!many && bytes <= MAX_CHANGES_BYTES).then_some(rows))
}

/// The last event with an effect of each of these topics.
pub(crate) async fn find_settled(
    snapshot: &mut Snapshot,
    topics: &[u64],
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let sql = "SELECT t.id, (SELECT e.seq FROM events e
                             WHERE e.topic = t.id AND e.effect IS NOT NULL
                             ORDER BY e.seq DESC LIMIT 1)
               FROM unnest($1::bigint[]) t (id)";
    let rows: Vec<(u64, Option<u64>)> = snapshot.list(sql, &[&topics]).await?;
    let settled = |(topic, seq): (u64, Option<u64>)| (topic, seq.unwrap_or(0));
    Ok(rows.into_iter().map(settled).collect())
}
