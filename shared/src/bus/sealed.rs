//! What travels by Redis for one reader's eyes: requests on their way to workers, and answers
//! on their way to gateways.
//!
//! Redis writes what it holds to its disk, and an intruder who reaches it could write there.
//! So all of it is sealed with the key of the cluster, and bound to where it may be opened:
//! what was taken from one place opens in no other one, and nothing is taken that nobody of
//! the cluster sealed.

use std::fmt::Display;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::envelope::{Entry, pack, unpack};
use crate::{
    ids::Partition,
    keys::{ClusterKeys, NoRandomness, NotSealed},
};

/// How far the time of an entry may be from that of who serves it, in milliseconds: half a day
/// is far above what clocks differ by and what anything waits, and far below the least time
/// that nonces are kept, a day.
const MAX_AGE_MS: u64 = 12 * 3_600_000;

/// Which way an entry goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To any worker.
    Query,
    /// To the lane of a partition.
    Lane(Partition),
}

/// Why something is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is none of ours, or of another version.
    #[error("it cannot be decoded: {0}")]
    Garbled(#[from] rmp_serde::decode::Error),
    /// Nobody of this cluster sealed it for this place.
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    /// It was sealed at another time: somebody put it back, or a clock is wrong.
    #[error("it was sealed at another time: somebody put it back, or a clock is wrong")]
    Old,
}

impl Entry {
    /// Seals the body, and packs the entry for its way.
    pub fn write(mut self, way: Way, keys: &ClusterKeys) -> Result<Bytes, NoRandomness> {
        self.body = keys.seal(&self.purpose(way), &self.body)?;
        self.sealed = true;
        Ok(pack(&self))
    }

    /// Reads what [`Self::write`] wrote for the same way.
    pub fn read(bytes: &[u8], way: Way, keys: &ClusterKeys) -> Result<Self, Unreadable> {
        let mut entry: Self = unpack(bytes)?;
        if !entry.sealed {
            return Err(NotSealed.into());
        }
        entry.body = keys.open(&entry.purpose(way), &entry.body)?;
        entry.sealed = false;
        Ok(entry)
    }

    /// Whether it is none that is under way now: somebody took it from Redis and put it back
    /// later, when its nonce or its session may be gone, or a clock is very wrong.
    pub fn is_old(&self, now_ms: u64) -> bool {
        self.asked_at_ms.abs_diff(now_ms) > MAX_AGE_MS
    }

    /// What a body is bound to: who asks what, when, where from, and on which way. Left out is
    /// what decides nothing: how long the gateway waits, and the trace.
    fn purpose(&self, way: Way) -> Vec<u8> {
        let way = match way {
            Way::Query => 0,
            Way::Lane(partition) => 1 + u64::from(partition.number()),
        };
        let (user, session, kind) = self.caller.as_ref().map_or((0, 0, 0), |caller| {
            let kind = 1 + caller.kind as u64;
            (caller.user.get(), caller.session.get(), kind)
        });
        let numbers = [
            way,
            self.connection,
            self.ticket,
            user,
            session,
            kind,
            u64::from(self.opcode),
            self.scope,
            self.address,
            self.asked_at_ms,
        ];
        let mut purpose = b"entry".to_vec();
        purpose.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        purpose.extend_from_slice(self.node.as_bytes());
        purpose
    }
}

/// Packs and seals a message for who reads it in one place: who hears a topic, or asks for a lease.
pub fn seal<T: Serialize>(
    message: &T,
    place: &impl Display,
    keys: &ClusterKeys,
) -> Result<Bytes, NoRandomness> {
    let sealed = keys.seal(place.to_string().as_bytes(), &pack(message))?;
    Ok(sealed.into())
}

/// Reads what [`seal`] sealed for the same place.
pub fn open<T: DeserializeOwned>(
    bytes: &[u8],
    place: &impl Display,
    keys: &ClusterKeys,
) -> Result<T, Unreadable> {
    let bytes = keys.open(place.to_string().as_bytes(), bytes)?;
    Ok(unpack(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bus::{
            Topic,
            envelope::{Caller, CallerKind},
        },
        ids::{SessionId, UserId},
        wire::Wire,
    };

    /// When everything is asked here.
    const NOW_MS: u64 = 1_800_000_000_000;

    fn keys() -> ClusterKeys {
        "0123456789abcdef0123456789abcdef".parse().unwrap()
    }

    fn entry() -> Entry {
        Entry {
            node: "gateway-1".to_owned(),
            connection: 7,
            ticket: 9,
            caller: Some(Caller {
                user: UserId::sample(),
                session: SessionId::sample(),
                kind: CallerKind::Person,
            }),
            opcode: 2_178,
            scope: 5,
            body: b"correct horse".to_vec(),
            sealed: false,
            patience_ms: 5_000,
            address: 77,
            trace: None,
            asked_at_ms: NOW_MS,
        }
    }

    #[test]
    fn an_entry_opens_where_it_belongs() {
        let keys = keys();
        let ways = [
            Way::Query,
            Way::Lane(Partition::new(0).unwrap()),
            Way::Lane(Partition::new(1).unwrap()),
        ];
        for way in ways {
            let written = entry().write(way, &keys).unwrap();
            assert!(!written.windows(7).any(|part| part == b"correct"));
            for other in ways {
                let read = Entry::read(&written, other, &keys);
                assert_eq!(read.is_ok(), way == other, "{way:?} {other:?}");
                assert!(read.is_err() || read.unwrap() == entry());
            }
        }
    }

    #[test]
    fn a_body_opens_in_no_other_entry() {
        let keys = keys();
        let written = entry().write(Way::Query, &keys).unwrap();
        let change = |change: fn(&mut Entry)| {
            let mut entry: Entry = unpack(&written).unwrap();
            change(&mut entry);
            Entry::read(&pack(&entry), Way::Query, &keys).is_ok()
        };
        assert!(change(|entry| entry.trace = Some("t".to_owned())));
        let changes: [fn(&mut Entry); 10] = [
            |entry| entry.node = "gateway-2".to_owned(),
            |entry| entry.connection += 1,
            |entry| entry.ticket += 1,
            |entry| entry.caller = None,
            |entry| {
                if let Some(caller) = &mut entry.caller {
                    caller.kind = CallerKind::Bot;
                }
            },
            |entry| entry.opcode += 1,
            |entry| entry.scope += 1,
            |entry| entry.address += 1,
            |entry| entry.asked_at_ms += 1,
            |entry| entry.sealed = false,
        ];
        for (number, changed) in changes.into_iter().enumerate() {
            assert!(!change(changed), "{number}");
        }
    }

    #[test]
    fn what_is_under_way_is_of_today() {
        let at = |asked_at_ms| {
            let entry = Entry {
                asked_at_ms,
                ..entry()
            };
            entry.is_old(NOW_MS)
        };
        assert!(!at(NOW_MS - MAX_AGE_MS) && !at(NOW_MS) && !at(NOW_MS + MAX_AGE_MS));
        assert!(at(NOW_MS - MAX_AGE_MS - 1) && at(NOW_MS + MAX_AGE_MS + 1) && at(0));
    }

    #[test]
    fn nothing_is_taken_that_nobody_sealed() {
        let keys = keys();
        let plain = pack(&entry());
        assert!(Entry::read(&plain, Way::Query, &keys).is_err());
        let others = "fedcba9876543210fedcba9876543210".parse().unwrap();
        let foreign = entry().write(Way::Query, &others).unwrap();
        assert!(Entry::read(&foreign, Way::Query, &keys).is_err());
        let node = |name: &str| Topic::Node(name.to_owned());
        let sealed = seal(&"token", &node("a"), &keys).unwrap();
        assert!(!sealed.windows(5).any(|part| part == b"token"));
        let opened = |topic: &Topic| open::<String>(&sealed, topic, &keys).ok();
        assert_eq!(opened(&node("a")).as_deref(), Some("token"));
        assert_eq!(opened(&node("b")), None);
        assert_eq!(opened(&Topic::Chunks("a".to_owned())), None);
        assert!(open::<String>(&pack(&"token"), &node("a"), &keys).is_err());
    }
}
