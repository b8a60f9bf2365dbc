//! Channels and their overrides.

use shared::{
    domain::permissions::{Override, Permissions, TargetKind},
    ids::{ChannelId, MessageId, ServerId, UserId},
};
use tokio_postgres::types::Type;

use super::{
    Reads, Writes,
    rows::{BatchedRow, Column, column},
    sql, unsigned,
};
use crate::{
    error::{Error, StoreError},
    state::server::ChannelState,
};

/// The counters of a channel that messages went to.
#[derive(Debug)]
pub(super) struct ChannelCounters {
    channel: ChannelId,
    last_seq: u64,
    last_message: MessageId,
}

impl ChannelCounters {
    pub(super) const fn new(
        (&channel, &(last_seq, last_message)): (&ChannelId, &(u64, MessageId)),
    ) -> Self {
        Self {
            channel,
            last_seq,
            last_message,
        }
    }
}

impl BatchedRow for ChannelCounters {
    const STATEMENT: &'static str = "
        UPDATE channels c SET last_seq = u.last_seq, last_message_id = u.last_message_id
        FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS u (id, last_seq, last_message_id)
        WHERE c.id = u.id";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |row| row.channel.sql()),
            column(rows, |row| sql(row.last_seq)),
            column(rows, |row| row.last_message.sql()),
        ]
    }
}

pub(crate) async fn insert_channel(
    writes: &mut Writes<'_>,
    server: ServerId,
    id: ChannelId,
    state: &ChannelState,
) -> Result<(), Error> {
    writes.execute(
        "INSERT INTO channels (id, server, name, topic, position) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        &[
            (&id.sql(), Type::INT8),
            (&server.sql(), Type::INT8),
            (&state.name, Type::TEXT),
            (&state.topic, Type::TEXT),
            (&state.position.cast_signed(), Type::INT4),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn update_channel(
    writes: &mut Writes<'_>,
    id: ChannelId,
    state: &ChannelState,
) -> Result<(), Error> {
    writes
        .execute(
            "UPDATE channels SET name = $2, topic = $3, position = $4 WHERE id = $1 RETURNING id",
            &[
                (&id.sql(), Type::INT8),
                (&state.name, Type::TEXT),
                (&state.topic, Type::TEXT),
                (&state.position.cast_signed(), Type::INT4),
            ],
        )
        .await?;
    Ok(())
}

/// Deletes the channel; its messages go later, in steps.
pub(crate) async fn delete_channel(writes: &mut Writes<'_>, id: ChannelId) -> Result<(), Error> {
    writes
        .execute(
            "DELETE FROM channels WHERE id = $1 RETURNING id",
            &[(&id.sql(), Type::INT8)],
        )
        .await?;
    Ok(())
}

pub(crate) async fn replace_overrides(
    writes: &mut Writes<'_>,
    channel: ChannelId,
    overrides: &[Override],
) -> Result<(), Error> {
    writes
        .execute(
            "DELETE FROM overrides WHERE channel = $1 RETURNING channel",
            &[(&channel.sql(), Type::INT8)],
        )
        .await?;
    let kinds: Vec<i16> = overrides.iter().map(|o| o.kind.number().into()).collect();
    let targets: Vec<i64> = overrides.iter().map(|o| sql(o.target)).collect();
    let allow: Vec<i64> = overrides.iter().map(|o| o.allow.sql()).collect();
    let deny: Vec<i64> = overrides.iter().map(|o| o.deny.sql()).collect();
    writes.execute(
        "INSERT INTO overrides (channel, kind, target, allow, deny)
         SELECT $1, * FROM unnest($2::int2[], $3::int8[], $4::int8[], $5::int8[]) RETURNING channel",
        &[
            (&channel.sql(), Type::INT8),
            (&kinds, Type::INT2_ARRAY),
            (&targets, Type::INT8_ARRAY),
            (&allow, Type::INT8_ARRAY),
            (&deny, Type::INT8_ARRAY),
        ],
    )
    .await?;
    Ok(())
}

/// Deletes the overrides that name a member, in all channels of a server.
pub(crate) async fn delete_overrides_of(
    writes: &mut Writes<'_>,
    server: ServerId,
    user: UserId,
) -> Result<(), Error> {
    writes
        .execute(
            "DELETE FROM overrides o USING channels c
         WHERE c.server = $1 AND o.channel = c.id AND o.kind = $3 AND o.target = $2
         RETURNING o.channel",
            &[
                (&server.sql(), Type::INT8),
                (&user.sql(), Type::INT8),
                (&i16::from(TargetKind::Member.number()), Type::INT2),
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn load_channels(
    reads: Reads<'_>,
    server: ServerId,
) -> Result<Vec<(ChannelId, ChannelState)>, Error> {
    let rows = reads.rows(
            "SELECT id, name, topic, position, last_seq, last_message_id FROM channels WHERE server = $1",
            &[(&server.sql(), Type::INT8)],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let state = ChannelState {
                name: row.try_get(1)?,
                topic: row.try_get(2)?,
                position: row.try_get::<_, i32>(3)?.cast_unsigned(),
                last_seq: unsigned(row.try_get(4)?),
                last_message: row
                    .try_get::<_, Option<i64>>(5)?
                    .map(TryInto::try_into)
                    .transpose()?,
            };
            Ok((row.try_get::<_, i64>(0)?.try_into()?, state))
        })
        .collect()
}

pub(super) async fn load_overrides(
    reads: Reads<'_>,
    server: ServerId,
) -> Result<Vec<(ChannelId, Override)>, Error> {
    let rows = reads
        .rows(
            "SELECT o.channel, o.kind, o.target, o.allow, o.deny
             FROM overrides o JOIN channels c ON c.id = o.channel WHERE c.server = $1
             ORDER BY o.channel, o.kind, o.target",
            &[(&server.sql(), Type::INT8)],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let kind = u8::try_from(row.try_get::<_, i16>(1)?)
                .ok()
                .and_then(TargetKind::from_number);
            let given = Override {
                kind: kind.ok_or(StoreError::Inconsistency("unknown kind of override"))?,
                target: unsigned(row.try_get(2)?),
                allow: Permissions::from_sql(row.try_get(3)?),
                deny: Permissions::from_sql(row.try_get(4)?),
            };
            Ok((row.try_get::<_, i64>(0)?.try_into()?, given))
        })
        .collect()
}
