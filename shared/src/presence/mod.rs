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

/// What travels on [`Topic::Presence`], sealed: who reaches Redis makes nobody appear.
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
    },
    /// Somebody misses something of these gateways and asks for all that they have.
    Ask {
        /// Their incarnations.
        gateways: Vec<String>,
    },
}

impl Told {
    /// Seals it for the channel.
    pub fn seal(&self, keys: &ClusterKeys) -> Result<Bytes, NoRandomness> {
        sealed::seal(self, &Topic::Presence, keys)
    }

    /// Opens what was heard on the channel.
    pub fn open(bytes: &[u8], keys: &ClusterKeys) -> Result<Self, Unreadable> {
        sealed::open(bytes, &Topic::Presence, keys)
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
