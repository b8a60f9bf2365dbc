//! Typed identifiers, so a user id never lands where a channel id belongs.
//!
//! An id has 53 bits, so it is a plain number in JavaScript: 41 bits of
//! milliseconds since [`EPOCH_MS`], 6 bits of partition, 6 bits of counter. In
//! JSON it travels as a string.

use std::{fmt, marker::PhantomData, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wire::{Shape, Wire, number_of};

/// 2026-01-01T00:00:00Z, in milliseconds since 1970: where ids begin to count.
pub const EPOCH_MS: u64 = 1_767_225_600_000;
/// How many partitions there are; fixed for ever, as ids name theirs.
pub const PARTITIONS: u16 = 64;
/// The largest id: 2^53 − 1, the largest integer JavaScript keeps exactly.
pub const MAX_ID: u64 = (1 << 53) - 1;

const COUNTER_BITS: u32 = 6;
const PARTITION_BITS: u32 = 6;
const TIME_SHIFT: u32 = COUNTER_BITS + PARTITION_BITS;

/// One of the 64 parts of the data, each written by one lane at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(u16);

impl Partition {
    /// The partition with this number, `None` from 64 on.
    pub const fn new(number: u16) -> Option<Self> {
        if number < PARTITIONS {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Which partition the raw id `id` names.
    pub const fn of(id: u64) -> Self {
        // Six bits: the cast keeps them all.
        #[expect(clippy::cast_possible_truncation, reason = "masked to six bits")]
        Self(((id >> COUNTER_BITS) as u16) & (PARTITIONS - 1))
    }

    /// Spreads what has no id yet (a name, an author's nonce) over the partitions.
    pub fn of_hash(bytes: &[u8]) -> Self {
        // FNV-1a: the same on every machine and in every version, which a
        // seeded or library hash does not promise.
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self::of(hash ^ (hash >> 32))
    }

    /// The number, 0 to 63.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// All partitions, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PARTITIONS).map(Self)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes the next id of a partition.
///
/// Ids always rise, whatever the clock does: when the clock is behind the last
/// id, or its millisecond is full, the next millisecond is borrowed.
pub const fn next_raw(last: u64, partition: Partition, now_ms: u64) -> u64 {
    let time = now_ms.saturating_sub(EPOCH_MS) << TIME_SHIFT;
    let tag = (partition.0 as u64) << COUNTER_BITS;
    let fresh = time | tag;
    if fresh > last {
        return fresh;
    }
    let counter = last & ((1 << COUNTER_BITS) - 1);
    if counter < (1 << COUNTER_BITS) - 1 {
        last + 1
    } else {
        (((last >> TIME_SHIFT) + 1) << TIME_SHIFT) | tag
    }
}

/// The lowest value that an id made at this moment, in milliseconds since 1970, may have.
pub const fn first_raw(ms: u64) -> u64 {
    let time = ms.saturating_sub(EPOCH_MS);
    if time > MAX_ID >> TIME_SHIFT {
        return MAX_ID;
    }
    time << TIME_SHIFT
}

/// An identifier of one `T`.
pub struct Id<T> {
    value: NonZeroU64,
    kind: PhantomData<fn() -> T>,
}

/// Names a kind of id in the references and in TypeScript.
pub trait IdKind {
    /// For example `ChannelId`.
    const NAME: &'static str;
}

macro_rules! kinds {
    ($( $(#[doc = $doc:literal])+ $kind:ident as $alias:ident; )+) => { $(
        #[doc = concat!("Marks [`", stringify!($alias), "`].")]
        #[derive(Debug)]
        pub enum $kind {}
        impl IdKind for $kind { const NAME: &'static str = stringify!($alias); }
        $(#[doc = $doc])+
        pub type $alias = Id<$kind>;
    )+ };
}

kinds! {
    /// Identifies a person's or a bot's account.
    User as UserId;
    /// Identifies one signed-in session of an account.
    Session as SessionId;
    /// Identifies a server.
    Server as ServerId;
    /// Identifies a channel.
    Channel as ChannelId;
    /// Identifies a message.
    Message as MessageId;
    /// Identifies a role.
    Role as RoleId;
    /// Identifies an entry of an audit log.
    Entry as EntryId;
    /// Identifies a rule of moderation.
    Rule as RuleId;
    /// Identifies a report of a message.
    Report as ReportId;
    /// Identifies a device that is told by web push.
    PushDevice as PushDeviceId;
    /// Identifies something of more than one kind, such as an account or a role.
    Any as AnyId;
}

impl<T> Id<T> {
    /// Wraps a raw value; `None` for zero and for what needs more than 53 bits.
    pub const fn new(value: u64) -> Option<Self> {
        match NonZeroU64::new(value) {
            Some(value) if value.get() <= MAX_ID => Some(Self {
                value,
                kind: PhantomData,
            }),
            _ => None,
        }
    }

    /// The same id, of another kind.
    pub const fn cast<U>(self) -> Id<U> {
        Id {
            value: self.value,
            kind: PhantomData,
        }
    }

    /// The raw value.
    pub const fn get(self) -> u64 {
        self.value.get()
    }

    /// The value as Postgres keeps it.
    pub const fn sql(self) -> i64 {
        self.value.get().cast_signed()
    }

    /// The partition that owns what this id names.
    pub const fn partition(self) -> Partition {
        Partition::of(self.value.get())
    }

    /// When it was made, in milliseconds since 1970.
    pub const fn created_ms(self) -> u64 {
        (self.value.get() >> TIME_SHIFT) + EPOCH_MS
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
impl<T> FromStr for Id<T> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse().ok().and_then(Self::new).ok_or(NotAnId)
    }
}
impl<T> TryFrom<i64> for Id<T> {
    type Error = NotAnId;

    fn try_from(value: i64) -> Result<Self, NotAnId> {
        u64::try_from(value).ok().and_then(Self::new).ok_or(NotAnId)
    }
}

/// The value is zero, too large, or no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct NotAnId;

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.value.serialize(serializer)
        }
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = if deserializer.is_human_readable() {
            std::borrow::Cow::<'de, str>::deserialize(deserializer)?
                .parse()
                .ok()
        } else {
            Self::new(u64::deserialize(deserializer)?)
        };
        id.ok_or_else(|| de::Error::custom(NotAnId))
    }
}

impl<T: IdKind + 'static> Wire for Id<T> {
    fn shape() -> Shape {
        Shape::Id(T::NAME)
    }

    fn sample() -> Self {
        // 2026-01-01 plus one second, partition 5, counter 1: any id would do,
        // but golden vectors need it to stay the same.
        const SAMPLE: u64 = (1_000 << TIME_SHIFT) | (5 << COUNTER_BITS) | 1;
        Self {
            value: const { NonZeroU64::new(SAMPLE).unwrap() },
            kind: PhantomData,
        }
    }

    fn sample_of(field: &str) -> Self {
        let last = Self::sample();
        let id = last.get() + u64::from(number_of(field)) / 2;
        Self::new(id).unwrap_or(last)
    }
}

/// Ids of more than one kind: numbers in MessagePack, strings in JSON like all ids.
pub(crate) mod any_id {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Id;
    use crate::wire::Shape;

    /// What it looks like.
    pub(crate) const fn shape() -> Shape {
        Shape::Id("AnyId")
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(crate) fn serialize<S: Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(id)
        } else {
            serializer.serialize_u64(*id)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        if deserializer.is_human_readable() {
            Id::<()>::deserialize(deserializer).map(Id::get)
        } else {
            u64::deserialize(deserializer)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const P: Partition = Partition(63);

    #[test]
    fn ids_rise_when_the_clock_stands_or_goes_back() {
        let mut last = 0;
        for now in [5_000, 5_000, 4_000, 0, 5_001].map(|ms| EPOCH_MS + ms) {
            for _ in 0..200 {
                let next = next_raw(last, P, now);
                assert!(next > last);
                assert_eq!(Partition::of(next), P);
                last = next;
            }
        }
    }

    proptest! {
        #[test]
        fn every_id_names_its_partition(last in 0..MAX_ID / 2, number in 0..PARTITIONS, now in 0..MAX_ID / 8192) {
            // The last id of a partition always carries that partition's tag.
            let partition = Partition(number);
            let last = (last >> TIME_SHIFT << TIME_SHIFT) | (u64::from(number) << COUNTER_BITS) | (last & 63);
            let next = next_raw(last, partition, now);
            prop_assert!(next > last);
            prop_assert_eq!(Partition::of(next), partition);
        }
    }

    #[test]
    fn json_has_strings_and_messagepack_numbers() {
        let id = ChannelId::sample();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"4096321\"");
        assert_eq!(rmp_serde::to_vec(&id).unwrap().len(), 5);
        assert!(serde_json::from_str::<ChannelId>("\"0\"").is_err());
        assert!(serde_json::from_str::<ChannelId>("\"9007199254740992\"").is_err());
    }
}
