//! Channels and their overrides.

use std::collections::BTreeMap;

use shared::{
    domain::permissions::{Override, TargetKind},
    ids::{ChannelId, MessageId, ServerId},
    protocol::channel::ChannelPlace,
};

use super::{
    Reads, Writes,
    rows::{BatchedRow, Column, column},
    sql,
};
use crate::{error::StoreError, state::server::ChannelState, store::values::columns};

/// A channel that messages went to, and the seq and id of the last one.
pub(super) type ChannelCounters = (ChannelId, (u64, MessageId));

impl BatchedRow for ChannelCounters {
    const STATEMENT: &'static str = "
        UPDATE channels c SET last_seq = u.last_seq, last_message_id = u.last_message_id
        FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS u (id, last_seq, last_message_id)
        WHERE c.id = u.id";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |(channel, _)| channel.sql()),
            column(rows, |(_, (seq, _))| sql(*seq)),
            column(rows, |(_, (_, message))| message.sql()),
        ]
    }
}

pub(crate) async fn insert_channel(
    writes: &mut Writes<'_>,
    server: ServerId,
    id: ChannelId,
    state: &ChannelState,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO channels (id, server, name, topic, position, kind, parent, slow_mode)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    writes
        .execute(
            sql,
            &[
                &id,
                &server,
                &state.name,
                &state.topic,
                &state.position,
                &state.kind,
                &state.parent,
                &state.slow_mode,
            ],
        )
        .await
}

pub(crate) async fn update_channel(
    writes: &mut Writes<'_>,
    id: ChannelId,
    state: &ChannelState,
) -> Result<usize, StoreError> {
    let sql = "UPDATE channels SET name = $2, topic = $3, position = $4, slow_mode = $5
               WHERE id = $1 RETURNING id";
    writes
        .execute(
            sql,
            &[
                &id,
                &state.name,
                &state.topic,
                &state.position,
                &state.slow_mode,
            ],
        )
        .await
}

/// Puts channels where these places say; a parent of 0 is none.
pub(crate) async fn place_channels(
    writes: &mut Writes<'_>,
    places: &[ChannelPlace],
) -> Result<usize, StoreError> {
    let ids: Vec<ChannelId> = places.iter().map(|place| place.channel_id).collect();
    let positions: Vec<u64> = places.iter().map(|place| place.position.into()).collect();
    let parent = |place: &ChannelPlace| place.parent_id.map_or(0, ChannelId::get);
    let parents: Vec<u64> = places.iter().map(parent).collect();
    let sql = "UPDATE channels c SET position = p.position::int4, parent = nullif(p.parent, 0)
               FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS p (id, position, parent)
               WHERE c.id = p.id RETURNING c.id";
    writes.execute(sql, &[&ids, &positions, &parents]).await
}

/// Deletes the channel; its messages go later, in steps.
pub(crate) async fn delete_channel(
    writes: &mut Writes<'_>,
    id: ChannelId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM channels WHERE id = $1 RETURNING id";
    writes.execute(sql, &[&id]).await
}

pub(crate) async fn replace_overrides(
    writes: &mut Writes<'_>,
    channel: ChannelId,
    overrides: &[Override],
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM overrides WHERE channel = $1 RETURNING channel";
    writes.execute(sql, &[&channel]).await?;
    let kinds: Vec<i16> = overrides.iter().map(|o| o.kind.number().into()).collect();
    let targets: Vec<u64> = overrides.iter().map(|o| o.target).collect();
    let allow: Vec<i64> = overrides.iter().map(|o| o.allow.sql()).collect();
    let deny: Vec<i64> = overrides.iter().map(|o| o.deny.sql()).collect();
    let sql = "INSERT INTO overrides (channel, kind, target, allow, deny)
               SELECT $1, * FROM unnest($2::int2[], $3::int8[], $4::int8[], $5::int8[])
               RETURNING channel";
    writes
        .execute(sql, &[&channel, &kinds, &targets, &allow, &deny])
        .await
}

/// Deletes the overrides that name a role, in all channels of a server.
pub(crate) async fn delete_overrides_of(
    writes: &mut Writes<'_>,
    (server, role): (ServerId, u64),
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM overrides o USING channels c
               WHERE c.server = $1 AND o.channel = c.id AND o.kind = $3 AND o.target = $2
               RETURNING o.channel";
    let kind = TargetKind::Role;
    writes.execute(sql, &[&server, &role, &kind]).await
}

/// Takes away what overrides permit an account, in all channels of a server; what they deny it stays.
pub(crate) async fn withdraw_allowed(
    writes: &mut Writes<'_>,
    (server, user): (ServerId, u64),
) -> Result<usize, StoreError> {
    let sql = "WITH gone AS (
                   DELETE FROM overrides o USING channels c
                   WHERE c.server = $1 AND o.channel = c.id AND o.kind = $3 AND o.target = $2
                       AND o.allow <> 0 AND o.deny = 0)
               UPDATE overrides o SET allow = 0 FROM channels c
               WHERE c.server = $1 AND o.channel = c.id AND o.kind = $3 AND o.target = $2
                   AND o.allow <> 0 AND o.deny <> 0 RETURNING o.channel";
    let kind = TargetKind::Member;
    writes.execute(sql, &[&server, &user, &kind]).await
}

columns! { ChannelState {
    name, topic, position, last_seq, last_message, kind, parent, slow_mode
} }

pub(super) async fn load_channels(
    reads: Reads<'_>,
    server: ServerId,
) -> Result<BTreeMap<ChannelId, ChannelState>, StoreError> {
    let sql = "SELECT id, name, topic, position, last_seq, last_message_id, kind, parent, slow_mode
               FROM channels WHERE server = $1";
    let rows: Vec<(ChannelId, ChannelState)> = reads.list(sql, &[&server]).await?;
    Ok(rows.into_iter().collect())
}

pub(super) async fn load_overrides(
    reads: Reads<'_>,
    server: ServerId,
) -> Result<Vec<(ChannelId, Override)>, StoreError> {
    let sql = "SELECT o.channel, o.kind, o.target, o.allow, o.deny
               FROM overrides o JOIN channels c ON c.id = o.channel WHERE c.server = $1
               ORDER BY o.channel, o.kind, o.target";
    reads.list(sql, &[&server]).await
}
