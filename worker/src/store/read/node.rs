//! The event log and its heads, as gateways ask for them.

use std::collections::BTreeMap;

use shared::{
    bus::envelope::{Effect, unpack},
    protocol::{self, Event as _, channel::ChannelDeleted, server::MemberJoined},
};

use super::{Snapshot, count, sql};
use crate::error::StoreError;

/// The most events of one page.
const PAGE_EVENTS: i64 = 1_000;
/// The most bytes of one page, unless its first event alone has more.
const PAGE_BYTES: i64 = 1024 * 1024;
/// What an event costs besides its body.
const EVENT_BYTES: i64 = 64;
/// The most events looked at to decide whether a resume may cross a range.
const MAX_CROSSED: i64 = 2_000;

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
    pub(crate) effect: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

/// Where a client is in a topic whose head is further.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The server or the account.
    pub(crate) topic: u64,
    /// The last event that the client has.
    pub(crate) seq: u64,
}

/// What a resume would cross.
#[derive(Debug, PartialEq)]
pub(crate) enum Crossed {
    /// An event with an effect.
    Effect(Effect),
    /// Somebody became a member.
    Joined(Box<MemberJoined>),
    /// A channel is gone.
    ChannelDeleted,
    /// More than anyone can look at, or what this version does not understand.
    Obscure,
}

/// Seq, opcode, channel, effect and body.
type EventColumns = (i64, i32, Option<i64>, Option<Vec<u8>>, Vec<u8>);
/// Topic, opcode, effect, the body of a joining, and its place among its kind.
type CrossedColumns = (i64, i32, Option<Vec<u8>>, Option<Vec<u8>>, i64);

impl Snapshot {
    /// Names the log of this database: places of another log mean nothing in it.
    ///
    /// The timeline is that of the next WAL record: `pg_control_checkpoint()`
    /// keeps the old one until the first checkpoint after a promotion. Where a
    /// database hides who it is, its start time stands in, so every restart of
    /// it costs the clients a refetch but none of them misses an event.
    pub(crate) async fn epoch(&mut self) -> Result<String, StoreError> {
        let (known, epoch, started): (bool, String, i64) = sqlx::query_as(
            "SELECT coalesce(bool_and(has_function_privilege(to_regprocedure(f), 'EXECUTE')), false)
                        AND count(to_regprocedure(f)) = 3,
                    (SELECT epoch FROM deployment),
                    (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint
             FROM unnest(ARRAY['pg_control_system()', 'pg_walfile_name(pg_lsn)',
                               'pg_current_wal_insert_lsn()']) f",
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        let database = if known {
            "SELECT system_identifier || '-' ||
                    ltrim(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), '0')
             FROM pg_control_system()"
        } else {
            "SELECT 'started-' || floor(extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint"
        };
        let database: String = sqlx::query_scalar(database)
            .fetch_one(&mut *self.transaction)
            .await?;
        self.log.learn(started, &database);
        Ok(format!("{database}-{epoch}"))
    }

    /// The heads of topics; those without events yet are missing.
    pub(crate) async fn find_heads(
        &mut self,
        topics: &[u64],
    ) -> Result<BTreeMap<u64, u64>, StoreError> {
        let ids: Vec<i64> = topics.iter().copied().map(sql).collect();
        let rows: Vec<(i64, i64)> =
            sqlx::query_as("SELECT id, head FROM topics WHERE id = ANY($1)")
                .bind(ids)
                .fetch_all(&mut *self.transaction)
                .await?;
        rows.into_iter()
            .map(|(topic, head)| Ok((count(topic)?, count(head)?)))
            .collect()
    }

    /// The events after a place, up to the first that the log no longer holds.
    pub(crate) async fn list_events(
        &mut self,
        topic: u64,
        after: u64,
    ) -> Result<EventsPage, StoreError> {
        let head = self.find_heads(&[topic]).await?;
        let rows: Vec<EventColumns> = sqlx::query_as(
            "SELECT seq, opcode, channel, effect, body
             FROM (SELECT *, sum(octet_length(body) + $5) OVER (ORDER BY seq) AS size
                   FROM (SELECT seq, opcode, channel, effect, body FROM events
                         WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3) log) sized
             WHERE size <= $4 OR seq = $2 + 1
             ORDER BY seq",
        )
        .bind(sql(topic))
        // One less than the largest: the statement adds one.
        .bind(sql(after).min(i64::MAX - 1))
        .bind(PAGE_EVENTS)
        .bind(PAGE_BYTES)
        .bind(EVENT_BYTES)
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut events: Vec<EventRow> = Vec::with_capacity(rows.len());
        for (seq, opcode, channel, effect, body) in rows {
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
                effect,
                body,
            });
        }
        Ok(EventsPage {
            events,
            head: head.get(&topic).copied().unwrap_or(0),
        })
    }

    /// Of each place, whether the log still holds the next event.
    pub(crate) async fn list_held(&mut self, places: &[Place]) -> Result<Vec<u64>, StoreError> {
        let (topics, seqs) = columns(places);
        let rows: Vec<i64> = sqlx::query_scalar(
            "SELECT p.topic FROM unnest($1::bigint[], $2::bigint[]) p (topic, seq)
             WHERE EXISTS (SELECT FROM events e WHERE e.topic = p.topic AND e.seq = p.seq + 1)",
        )
        .bind(topics)
        .bind(seqs)
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter().map(count).collect()
    }

    /// What lies after each place that may forbid to replay it.
    pub(crate) async fn list_crossed(
        &mut self,
        places: &[Place],
    ) -> Result<Vec<(u64, Crossed)>, StoreError> {
        let (topics, seqs) = columns(places);
        // The condition is that of the index `events_crossed`, word for word.
        let rows: Vec<CrossedColumns> = sqlx::query_as(
            "SELECT p.topic, e.opcode, e.effect, e.body, e.place
             FROM unnest($1::bigint[], $2::bigint[]) p (topic, seq)
             CROSS JOIN LATERAL (
                 SELECT opcode, effect, CASE WHEN opcode = 306 THEN body END AS body,
                        row_number() OVER () AS place
                 FROM events
                 WHERE topic = p.topic AND seq > p.seq AND (effect IS NOT NULL OR opcode IN (306, 434))
                 LIMIT $3) e",
        )
        .bind(topics)
        .bind(seqs)
        .bind(MAX_CROSSED)
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut all = Vec::with_capacity(rows.len());
        for (topic, opcode, effect, joined, place) in rows {
            let topic = count(topic)?;
            if place >= MAX_CROSSED {
                all.push((topic, Crossed::Obscure));
            }
            if opcode == i32::from(ChannelDeleted::OPCODE) {
                all.push((topic, Crossed::ChannelDeleted));
            }
            if let Some(bytes) = effect {
                all.push((
                    topic,
                    unpack(&bytes).map_or(Crossed::Obscure, Crossed::Effect),
                ));
            }
            if let Some(body) = joined {
                let joined = protocol::decode(&body).map(Box::new);
                all.push((topic, joined.map_or(Crossed::Obscure, Crossed::Joined)));
            }
        }
        Ok(all)
    }
}

fn columns(places: &[Place]) -> (Vec<i64>, Vec<i64>) {
    places
        .iter()
        .map(|place| (sql(place.topic), sql(place.seq)))
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opcodes_in_the_statement_are_those_of_joining_and_deleting() {
        assert_eq!(MemberJoined::OPCODE, 306);
        assert_eq!(ChannelDeleted::OPCODE, 434);
    }
}
