//! Registers of accounts: read before the first command of a batch, changed in
//! memory by each, written with it.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::limits::MAX_REGISTERS,
    error::{Reason, Refusal},
    ids::UserId,
    protocol::register::{Key, Register, Write},
};

use super::{
    Writer,
    machine::{sql, unsigned},
};
use crate::error::Error;

pub(super) const FIND: &str = "
    SELECT w.place, r.value, r.version
    FROM unnest($1::int4[], $2::int8[], $3::int2[], $4::int8[]) AS w (place, account, kind, key)
    JOIN registers r ON r.account = w.account AND r.kind = w.kind AND r.key = w.key";

pub(super) const FIND_HEADS: &str = "
    SELECT w.account, h.version, h.count
    FROM unnest($1::int8[]) AS w (account) JOIN register_heads h ON h.account = w.account";

pub(super) const PUT: &str = "
    INSERT INTO registers (account, kind, key, value, version)
    SELECT * FROM unnest($1::int8[], $2::int2[], $3::int8[], $4::int8[], $5::int8[])
    ON CONFLICT (account, kind, key) DO UPDATE SET value = excluded.value, version = excluded.version";

pub(super) const PUT_HEADS: &str = "
    INSERT INTO register_heads (account, version, count)
    SELECT * FROM unnest($1::int8[], $2::int8[], $3::int4[])
    ON CONFLICT (account) DO UPDATE SET version = excluded.version, count = excluded.count";

/// Names a register of any account.
pub(crate) type Place = (UserId, Key);

/// The registers that a batch writes, as they stand for its next command.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    known: BTreeMap<Place, Register>,
    heads: BTreeMap<UserId, Head>,
    changed: BTreeSet<Place>,
}

/// What an account has of registers.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// The version that the last change of any of them made.
    version: u64,
    /// How many there are.
    count: usize,
}

impl Registers {
    /// Writes a register; answers how it stands now, and whether that is new.
    pub(crate) fn write(
        &mut self,
        place: Place,
        write: Write,
    ) -> Result<(Register, bool), Refusal> {
        let now = self.known.get(&place).copied().unwrap_or_default();
        let Some(value) = write.meet(now)? else {
            return Ok((now, false));
        };
        let head = self.heads.entry(place.0).or_default();
        if now.version == 0 {
            if head.count >= MAX_REGISTERS {
                return Err(Reason::LimitReached.into());
            }
            head.count += 1;
        }
        head.version += 1;
        let register = Register {
            value,
            version: head.version,
        };
        self.known.insert(place, register);
        self.changed.insert(place);
        Ok((register, true))
    }

    /// The accounts whose registers were changed, with their versions.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (UserId, u64)> {
        let accounts: BTreeSet<UserId> = self.changed.iter().map(|(user, _)| *user).collect();
        accounts
            .into_iter()
            .filter_map(|user| Some((user, self.heads.get(&user)?.version)))
    }
}

impl Writer {
    /// Reads the registers that a batch is about to write.
    pub(crate) async fn load_registers(&self, wanted: &[Place]) -> Result<Registers, Error> {
        let mut registers = Registers::default();
        if wanted.is_empty() {
            return Ok(registers);
        }
        let places: Vec<i32> = (0_i32..).take(wanted.len()).collect();
        let (accounts, kinds, keys) = columns(wanted);
        let owners: BTreeSet<i64> = accounts.iter().copied().collect();
        let owners: Vec<i64> = owners.into_iter().collect();
        let (found, heads) = futures_util::future::try_join(
            self.client.query(
                &self.hot.find_registers,
                &[&places, &accounts, &kinds, &keys],
            ),
            self.client.query(&self.hot.find_register_heads, &[&owners]),
        )
        .await?;
        for row in &found {
            let place = usize::try_from(row.try_get::<_, i32>(0)?).unwrap_or(usize::MAX);
            let register = Register {
                value: unsigned(row.try_get(1)?),
                version: unsigned(row.try_get(2)?),
            };
            if let Some(place) = wanted.get(place) {
                registers.known.insert(*place, register);
            }
        }
        for row in &heads {
            let head = Head {
                version: unsigned(row.try_get(1)?),
                count: usize::try_from(row.try_get::<_, i32>(2)?).unwrap_or(usize::MAX),
            };
            registers
                .heads
                .insert(row.try_get::<_, i64>(0)?.try_into()?, head);
        }
        Ok(registers)
    }

    /// Writes the registers that a batch changed.
    pub(super) async fn save_registers(&self, registers: &Registers) -> Result<(), Error> {
        if registers.changed.is_empty() {
            return Ok(());
        }
        let changed: Vec<Place> = registers.changed.iter().copied().collect();
        let (accounts, kinds, keys) = columns(&changed);
        let (values, versions): (Vec<i64>, Vec<i64>) = changed
            .iter()
            .filter_map(|place| registers.known.get(place))
            .map(|register| (sql(register.value), sql(register.version)))
            .unzip();
        let moved: BTreeSet<UserId> = changed.iter().map(|(user, _)| *user).collect();
        let heads = registers
            .heads
            .iter()
            .filter(|(user, _)| moved.contains(user));
        let (owners, heads): (Vec<i64>, Vec<Head>) =
            heads.map(|(user, head)| (user.sql(), *head)).unzip();
        let head_versions: Vec<i64> = heads.iter().map(|head| sql(head.version)).collect();
        let counts: Vec<i32> = heads
            .iter()
            .map(|head| i32::try_from(head.count).unwrap_or(i32::MAX))
            .collect();
        futures_util::future::try_join(
            self.client.execute(
                &self.hot.put_registers,
                &[&accounts, &kinds, &keys, &values, &versions],
            ),
            self.client.execute(
                &self.hot.put_register_heads,
                &[&owners, &head_versions, &counts],
            ),
        )
        .await?;
        Ok(())
    }
}

/// Accounts, kinds and keys, as columns.
fn columns(places: &[Place]) -> (Vec<i64>, Vec<i16>, Vec<i64>) {
    (
        places.iter().map(|(user, _)| user.sql()).collect(),
        places.iter().map(|(_, key)| key.kind as i16).collect(),
        places.iter().map(|(_, key)| sql(key.of)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use shared::{protocol::register::Kind, wire::Wire};

    use super::*;

    #[test]
    fn each_change_takes_the_next_version_and_no_account_has_more_than_it_may() {
        let user = UserId::sample();
        let place = |of| {
            let kind = Kind::ReadCursor;
            (user, Key { kind, of })
        };
        let mut registers = Registers::default();
        let (first, new) = registers.write(place(1), Write::Largest(5)).unwrap();
        assert_eq!((first.version, new), (1, true));
        let (same, new) = registers.write(place(1), Write::Largest(4)).unwrap();
        assert_eq!((same, new), (first, false));
        let (second, _) = registers.write(place(2), Write::Largest(1)).unwrap();
        assert_eq!(second.version, 2);
        assert_eq!(registers.moved().collect::<Vec<_>>(), [(user, 2)]);
        registers.heads.insert(
            user,
            Head {
                version: 2,
                count: MAX_REGISTERS,
            },
        );
        let refused = registers.write(place(3), Write::Largest(1)).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitReached);
        assert!(registers.write(place(2), Write::Largest(2)).is_ok());
    }
}
