//! Presence: what gateways tell each other of who is there, and the union of it.
//!
//! Each gateway tells once a second what changed among its own accounts, on one channel that
//! all gateways and workers hear. Nothing is stored anywhere: who lives says who is there.

mod union;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

pub use union::{MAX_GATEWAYS, SILENCE, Union};

use crate::{
    bus::{
        Topic,
        sealed::{self, Unreadable},
    },
    ids::UserId,
    keys::{ClusterKeys, NoRandomness},
    protocol::presence::PresenceState,
};

/// Accounts in one message: 64 KiB, as much as a piece of an answer.
pub const PIECE: usize = 8_192;

/// How far the time of a word may be from that of who hears it, in milliseconds: clocks differ by
/// less than a minute, and what somebody put back after one is not taken.
const MAX_AGE_MS: u64 = 60_000;

/// What travels on [`Topic::Presence`], sealed: who reaches Redis makes nobody appear. The time of
/// each, in milliseconds since 1970, is 0 where a program of before it told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// What changed among the accounts of a gateway since its last number; told each second,
    /// also when nothing did.
    Changes {
        /// The incarnation of the gateway.
        gateway: String,
        /// Rises by one with each of its changes, from 1.
        number: u64,
        /// The accounts that changed.
        accounts: Accounts,
        /// When it was told.
        #[serde(default)]
        at: u64,
    },
    /// A part of all that a gateway has, as of one of its numbers.
    Whole {
        /// The incarnation of the gateway.
        gateway: String,
        /// The changes that it includes.
        number: u64,
        /// Its place among the parts, from 0.
        piece: u32,
        /// Whether it is the last one.
        last: bool,
        /// The accounts that are there.
        accounts: Accounts,
        /// When it was told.
        #[serde(default)]
        at: u64,
    },
    /// Somebody misses something of these gateways and asks for all that they have.
    Ask {
        /// Their incarnations.
        gateways: Vec<String>,
        /// Who asks, and hears the answer on [`Topic::Asker`]; empty for a program that hears only
        /// what all hear.
        #[serde(default)]
        asker: String,
        /// When it was asked.
        #[serde(default)]
        at: u64,
    },
}

impl Told {
    /// Seals it for those who hear a topic.
    pub fn seal(&self, topic: &Topic, keys: &ClusterKeys) -> Result<Bytes, NoRandomness> {
        sealed::seal(self, topic, keys)
    }

    /// Opens what was heard on a topic.
    pub fn open(
        bytes: &[u8],
        topic: &Topic,
        keys: &ClusterKeys,
        now_ms: u64,
    ) -> Result<Self, Unreadable> {
        let told: Self = sealed::open(bytes, topic, keys)?;
        let (Self::Changes { at, .. } | Self::Whole { at, .. } | Self::Ask { at, .. }) = &told;
        if *at != 0 && at.abs_diff(now_ms) > MAX_AGE_MS {
            return Err(Unreadable::Old);
        }
        Ok(told)
    }
}

/// Accounts with their states, eight bytes each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Accounts(ByteBuf);

impl Accounts {
    /// These.
    pub fn new(accounts: impl IntoIterator<Item = (UserId, PresenceState)>) -> Self {
        let pack = |(user, state): (UserId, PresenceState)| {
            ((user.get() << 2) | u64::from(state.number())).to_be_bytes()
        };
        let bytes: Vec<u8> = accounts.into_iter().flat_map(pack).collect();
        Self(ByteBuf::from(bytes))
    }

    /// Each of them; what is no account is left out.
    pub fn iter(&self) -> impl Iterator<Item = (UserId, PresenceState)> {
        let unpack = |bytes: &[u8; 8]| {
            let packed = u64::from_be_bytes(*bytes);
            let state = PresenceState::from_number((packed & 3) as u8)?;
            Some((UserId::new(packed >> 2)?, state))
        };
        let (packed, _) = self.0.as_chunks::<8>();
        packed.iter().filter_map(unpack)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / 8
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::envelope::{pack, unpack};

    /// When everything is told here.
    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn a_word_is_taken_where_and_when_it_was_told() {
        let keys = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let ask = |at| Told::Ask {
            gateways: vec!["a".to_owned()],
            asker: "b".to_owned(),
            at,
        };
        let opens = |at, topic: &Topic, now_ms| {
            let sealed = ask(at).seal(&Topic::Presence, &keys).unwrap();
            Told::open(&sealed, topic, &keys, now_ms).is_ok()
        };
        for now_ms in [NOW_MS - MAX_AGE_MS, NOW_MS, NOW_MS + MAX_AGE_MS] {
            assert!(opens(NOW_MS, &Topic::Presence, now_ms));
        }
        // Put back later; or by a gateway whose clock is far ahead.
        assert!(!opens(NOW_MS, &Topic::Presence, NOW_MS + MAX_AGE_MS + 1));
        assert!(!opens(NOW_MS, &Topic::Presence, NOW_MS - MAX_AGE_MS - 1));
        assert!(
            opens(0, &Topic::Presence, NOW_MS),
            "of a program from before"
        );
        assert!(!opens(NOW_MS, &Topic::Asker("b".to_owned()), NOW_MS));
    }

    #[test]
    fn a_program_from_before_reads_what_is_told_now_and_the_other_way_round() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        enum Before {
            Changes {
                gateway: String,
                number: u64,
                accounts: Accounts,
            },
            Ask {
                gateways: Vec<String>,
            },
        }
        let told = |at| Told::Changes {
            gateway: "a".to_owned(),
            number: 7,
            accounts: Accounts::default(),
            at,
        };
        let before = Before::Changes {
            gateway: "a".to_owned(),
            number: 7,
            accounts: Accounts::default(),
        };
        let read: Before = unpack(&pack(&told(NOW_MS))).unwrap();
        assert_eq!(read, before);
        assert_eq!(unpack::<Told>(&pack(&before)).unwrap(), told(0));
        let asked = Before::Ask {
            gateways: Vec::new(),
        };
        let due = Told::Ask {
            gateways: Vec::new(),
            asker: String::new(),
            at: 0,
        };
        assert_eq!(unpack::<Told>(&pack(&asked)).unwrap(), due);
    }
}
