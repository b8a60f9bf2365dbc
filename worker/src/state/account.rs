//! Registers of accounts, as they stand for the next command of a transaction.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::limits::MAX_REGISTERS,
    error::{Reason, Refusal},
    ids::UserId,
    protocol::register::{Key, Register, Write},
};

/// Names a register of any account.
pub(crate) type RegisterKey = (UserId, Key);

/// The registers that a transaction writes, as they stand for its next command.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    known: BTreeMap<RegisterKey, Register>,
    heads: BTreeMap<UserId, RegisterHead>,
    changed: BTreeSet<RegisterKey>,
}

/// What an account has of registers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RegisterHead {
    /// The version that the last change of any of them made.
    pub(crate) version: u64,
    /// How many there are.
    pub(crate) count: usize,
}

impl Registers {
    /// What is stored, of those that are about to be written.
    pub(crate) fn new(
        known: BTreeMap<RegisterKey, Register>,
        heads: BTreeMap<UserId, RegisterHead>,
    ) -> Self {
        Self {
            known,
            heads,
            changed: BTreeSet::new(),
        }
    }

    /// Writes a register; answers how it stands now, and whether that is new.
    pub(crate) fn write(
        &mut self,
        key: RegisterKey,
        write: Write,
    ) -> Result<(Register, bool), Refusal> {
        let now = self.known.get(&key).copied().unwrap_or_default();
        let Some(value) = write.resolve(now)? else {
            return Ok((now, false));
        };
        let head = self.heads.entry(key.0).or_default();
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
        self.known.insert(key, register);
        self.changed.insert(key);
        Ok((register, true))
    }

    /// The registers that were changed.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (RegisterKey, Register)> {
        self.changed
            .iter()
            .filter_map(|key| Some((*key, *self.known.get(key)?)))
    }

    /// The accounts whose registers were changed.
    pub(crate) fn changed_heads(&self) -> impl Iterator<Item = (UserId, RegisterHead)> {
        let accounts: BTreeSet<UserId> = self.changed.iter().map(|(user, _)| *user).collect();
        accounts
            .into_iter()
            .filter_map(|user| Some((user, *self.heads.get(&user)?)))
    }
}

#[cfg(test)]
mod tests {
    use shared::{protocol::register::RegisterKind, wire::Wire};

    use super::*;

    #[test]
    fn each_change_takes_the_next_version_and_no_account_has_more_than_it_may() {
        let user = UserId::sample();
        let key = |of| {
            let kind = RegisterKind::ReadCursor;
            (user, Key { kind, of })
        };
        let mut registers = Registers::default();
        let (first, new) = registers.write(key(1), Write::Largest(5)).unwrap();
        assert_eq!((first.version, new), (1, true));
        let (same, new) = registers.write(key(1), Write::Largest(4)).unwrap();
        assert_eq!((same, new), (first, false));
        let (second, _) = registers.write(key(2), Write::Largest(1)).unwrap();
        assert_eq!(second.version, 2);
        assert_eq!(
            registers
                .changed_heads()
                .map(|(user, head)| (user, head.version))
                .collect::<Vec<_>>(),
            [(user, 2)]
        );
        registers.heads.insert(
            user,
            RegisterHead {
                version: 2,
                count: MAX_REGISTERS,
            },
        );
        let refused = registers.write(key(3), Write::Largest(1)).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitReached);
        assert!(registers.write(key(2), Write::Largest(2)).is_ok());
    }
}
