//! Registers of accounts: read before the first command of a transaction, written with it.

use std::collections::{BTreeMap, BTreeSet};

use shared::{ids::UserId, protocol::register::Register};

use super::{
    Connection,
    rows::{BatchedRow, Column, column},
    sql,
};
use crate::{
    error::StoreError,
    state::account::{RegisterHead, RegisterKey, Registers},
    store::values::{columns, read_rows},
};

pub(super) const FIND: &str = "
    SELECT w.place, r.value, r.version
    FROM unnest($1::int4[], $2::int8[], $3::int2[], $4::int8[]) AS w (place, account, kind, key)
    JOIN registers r ON r.account = w.account AND r.kind = w.kind AND r.key = w.key";

pub(super) const FIND_HEADS: &str = "
    SELECT w.account, h.version, h.count
    FROM unnest($1::int8[]) AS w (account) JOIN register_heads h ON h.account = w.account";

columns! { Register { value, version } }

/// A register that was changed.
pub(super) type RegisterRow = (RegisterKey, Register);
/// What its account has of registers now.
pub(super) type RegisterHeadRow = (UserId, RegisterHead);

impl BatchedRow for RegisterRow {
    const STATEMENT: &'static str = "
        INSERT INTO registers (account, kind, key, value, version)
        SELECT * FROM unnest($1::int8[], $2::int2[], $3::int8[], $4::int8[], $5::int8[])
        ON CONFLICT (account, kind, key) DO UPDATE SET value = excluded.value, version = excluded.version";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |((user, _), _)| user.sql()),
            column(rows, |((_, key), _)| key.kind as i16),
            column(rows, |((_, key), _)| sql(key.of)),
            column(rows, |(_, register)| sql(register.value)),
            column(rows, |(_, register)| sql(register.version)),
        ]
    }
}

impl BatchedRow for RegisterHeadRow {
    const STATEMENT: &'static str = "
        INSERT INTO register_heads (account, version, count)
        SELECT * FROM unnest($1::int8[], $2::int8[], $3::int4[])
        ON CONFLICT (account) DO UPDATE SET version = excluded.version, count = excluded.count";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |(user, _)| user.sql()),
            column(rows, |(_, head)| sql(head.version)),
            column(rows, |(_, head)| {
                i32::try_from(head.count).unwrap_or(i32::MAX)
            }),
        ]
    }
}

/// Reads the registers that a transaction is about to write.
pub(crate) async fn load_registers(
    connection: &Connection,
    wanted: &[RegisterKey],
) -> Result<Registers, StoreError> {
    if wanted.is_empty() {
        return Ok(Registers::default());
    }
    let places: Vec<i32> = (0_i32..).take(wanted.len()).collect();
    let accounts: Vec<i64> = wanted.iter().map(|(user, _)| user.sql()).collect();
    let kinds: Vec<i16> = wanted.iter().map(|(_, key)| key.kind as i16).collect();
    let keys: Vec<i64> = wanted.iter().map(|(_, key)| sql(key.of)).collect();
    let owners: BTreeSet<i64> = accounts.iter().copied().collect();
    let owners: Vec<i64> = owners.into_iter().collect();
    let statements = &connection.statements;
    let (found, found_heads) = futures_util::future::try_join(
        connection.client.query(
            &statements.find_registers,
            &[&places, &accounts, &kinds, &keys],
        ),
        connection
            .client
            .query(&statements.find_register_heads, &[&owners]),
    )
    .await?;
    let mut known = BTreeMap::new();
    for (place, register) in read_rows(&found)? {
        let place: i32 = place;
        if let Some(key) = usize::try_from(place)
            .ok()
            .and_then(|place| wanted.get(place))
        {
            known.insert(*key, register);
        }
    }
    let mut heads = BTreeMap::new();
    for (account, version, count) in read_rows(&found_heads)? {
        let count: i32 = count;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        heads.insert(account, RegisterHead { version, count });
    }
    Ok(Registers::new(known, heads))
}
