//! Registers: what an account keeps under a key, one value each.
//!
//! A register is state and not log: what stood there before is forgotten, and a
//! client that missed changes fetches what is newer than the version it has.
//! The lane of the account writes it; no nonce is needed, as both ways to write
//! may be repeated.

use super::Request;
use crate::error::{Reason, Refusal};

/// What a register is about. Numbers are in the database and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RegisterKind {
    /// Up to which `seq` the account has read a channel; the key is the channel.
    ReadCursor = 1,
    /// What the account wants to be told of; the key is a server, a category or a channel, or 0 for all servers.
    NotificationLevel = 2,
}

/// Names a register of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What it is about.
    pub kind: RegisterKind,
    /// Of what: an id, or 0 where an account has only one.
    pub of: u64,
}

/// How a write meets what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// The largest value wins, in whatever order the writes come; so those that
    /// come within a second become one.
    Largest(u64),
    /// The last write wins, if the register still is as its sender saw it.
    Last {
        /// The value.
        value: u64,
        /// The version of the register that the sender saw; 0 where it saw none.
        seen: u64,
    },
}

/// A register as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Register {
    /// The value; 0 before the first write.
    pub value: u64,
    /// The account's register version that the last change made; 0 before the first.
    pub version: u64,
}

impl Write {
    /// The value that is to stand there, or none where nothing changes. Refuses
    /// to replace what its sender has not seen.
    pub fn resolve(self, now: Register) -> Result<Option<u64>, Refusal> {
        match self {
            Self::Largest(value) => Ok((value > now.value).then_some(value)),
            // It was this very write, whose answer was lost, or it might have been.
            Self::Last { value, .. } if value == now.value && now.version != 0 => Ok(None),
            Self::Last { value, seen } if seen == now.version => Ok(Some(value)),
            Self::Last { .. } => Err(Reason::Moved.into()),
        }
    }
}

/// A request of the kind *register*.
pub trait WriteRegister: Request {
    /// Which register it writes.
    fn key(&self) -> Key;
    /// What it writes there.
    fn write(&self) -> Write;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(value: u64, version: u64) -> Register {
        Register { value, version }
    }

    #[test]
    fn the_last_write_names_what_it_saw() {
        let back = |seen| Write::Last { value: 3, seen };
        assert_eq!(back(7).resolve(at(9, 7)), Ok(Some(3)));
        assert_eq!(back(6).resolve(at(9, 7)), Err(Reason::Moved.into()));
        assert_eq!(back(0).resolve(Register::default()), Ok(Some(3)));
        // A repeat whose first answer was lost.
        assert_eq!(back(7).resolve(at(3, 8)), Ok(None));
    }

    proptest! {
        #[test]
        fn the_order_of_largest_writes_does_not_matter(mut values in proptest::collection::vec(0_u64..9, 1..6)) {
            let fold = |values: &[u64]| values.iter().fold(Register::default(), |now, value| {
                match Write::Largest(*value).resolve(now) {
                    Ok(Some(value)) => at(value, now.version + 1),
                    _ => now,
                }
            });
            let before = fold(&values);
            values.reverse();
            prop_assert_eq!(before.value, fold(&values).value);
            prop_assert_eq!(before.value, values.into_iter().max().unwrap_or(0));
        }
    }
}
