//! How our values are kept in Postgres, for the driver of lanes and for that of queries: ids and
//! counts are signed integers there, permissions are bits. What no worker wrote is refused.

use std::{error::Error as StdError, fmt::Debug};

use bytes::BytesMut;
use shared::{
    domain::{
        limits::EXPORT_KEPT_MS,
        permissions::{Override, Permissions, Standing, TargetKind},
        silences::Silences,
    },
    ids::{Id, Partition, RoleId, RuleId, UserId},
    protocol::{
        self,
        account::{Export, SignUp},
        channel::ChannelKind,
        member::BanTerms,
        moderation::{Lockdown, Rule, RuleSettings},
        notification::NotificationState,
        presence::StatusKind,
        role::Role,
        server::Server,
        user::{Profile, User},
    },
};
use sqlx::{
    Arguments as _, Decode, Encode, Postgres, Row as _,
    postgres::{PgArguments, PgRow},
};
use tokio_postgres::{
    Row,
    types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked},
};

use crate::{error::StoreError, state::server::MemberState};

/// What the drivers say of a value that they cannot write.
type NotWritten = Box<dyn StdError + Sync + Send>;

/// A value that is read from a column.
pub(super) trait FromColumn: Sized {
    /// What the drivers read.
    type Column: FromSqlOwned + for<'r> Decode<'r, Postgres> + sqlx::Type<Postgres>;

    fn from_column(column: Self::Column) -> Result<Self, StoreError>;
}

/// What is read from the next columns of a row: a value, several, or what [`columns`] names.
pub(super) trait FromColumns: Sized {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError>;
}

impl<V: FromColumn> FromColumns for V {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        V::from_column(columns.next_column()?)
    }
}

/// The columns of a row that are not read yet.
pub(super) trait Columns {
    fn next_column<C>(&mut self) -> Result<C, StoreError>
    where
        C: FromSqlOwned + for<'r> Decode<'r, Postgres> + sqlx::Type<Postgres>;
}

/// Of a row, as a lane or a query gets it, the columns from the second field on.
struct Cursor<'a, R>(&'a R, usize);

impl<R> Cursor<'_, R> {
    const fn next_place(&mut self) -> usize {
        let place = self.1;
        self.1 += 1;
        place
    }
}

impl Columns for Cursor<'_, Row> {
    fn next_column<C: FromSqlOwned>(&mut self) -> Result<C, StoreError> {
        Ok(self.0.try_get(self.next_place())?)
    }
}

impl Columns for Cursor<'_, PgRow> {
    fn next_column<C>(&mut self) -> Result<C, StoreError>
    where
        C: for<'r> Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        Ok(self.0.try_get(self.next_place())?)
    }
}

/// What the rows of a lane's statement hold.
pub(super) fn read_rows<T: FromColumns>(rows: &[Row]) -> Result<Vec<T>, StoreError> {
    let read = |row| T::from_columns(&mut Cursor(row, 0));
    rows.iter().map(read).collect()
}

/// What the rows of a query's statement hold.
pub(super) fn read_query_rows<T: FromColumns>(rows: &[PgRow]) -> Result<Vec<T>, StoreError> {
    let read = |row| T::from_columns(&mut Cursor(row, 0));
    rows.iter().map(read).collect()
}

/// Says in which columns of a statement the fields of a struct are.
macro_rules! columns {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::store::values::FromColumns for $name {
            fn from_columns(
                columns: &mut impl $crate::store::values::Columns,
            ) -> Result<Self, $crate::error::StoreError> {
                use $crate::store::values::FromColumns;
                Ok(Self {
                    $($field: FromColumns::from_columns(columns)?,)+
                })
            }
        }
    };
}

pub(super) use columns;

/// A value that a statement takes.
pub(super) trait ToColumn: Debug + Sync {
    /// What the drivers write.
    type Column<'a>: ToSql + Encode<'a, Postgres> + sqlx::Type<Postgres>
    where
        Self: 'a;
    const TYPE: Type;

    fn to_column(&self) -> Self::Column<'_>;
}

/// A parameter of a statement: any [`ToColumn`].
pub(super) trait Parameter: Debug + Sync {
    fn of_type(&self) -> Type;

    fn write_to(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, NotWritten>;

    fn add_to(&self, arguments: &mut PgArguments) -> Result<(), NotWritten>;
}

impl<V: ToColumn> Parameter for V {
    fn of_type(&self) -> Type {
        V::TYPE
    }

    fn write_to(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, NotWritten> {
        self.to_column().to_sql(of, out)
    }

    fn add_to(&self, arguments: &mut PgArguments) -> Result<(), NotWritten> {
        arguments.add(self.to_column())
    }
}

/// A parameter as the driver of lanes takes it.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a dyn Parameter);

impl ToSql for Bound<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, NotWritten> {
        self.0.write_to(of, out)
    }

    fn accepts(_of: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Values that are read as they are.
macro_rules! read_plain {
    ($($value:ty,)+) => { $(
        impl FromColumn for $value {
            type Column = Self;

            fn from_column(column: Self) -> Result<Self, StoreError> {
                Ok(column)
            }
        }
    )+ };
}

read_plain! { bool, i16, i32, i64, f64, String, Vec<u8>, Vec<i64>, Vec<String>, }

/// Values that are read as another one, or refused.
macro_rules! read_as {
    ($($value:ty: $column:ty, |$read:ident| $from:expr, $what:literal;)+) => { $(
        impl FromColumn for $value {
            type Column = $column;

            fn from_column($read: $column) -> Result<Self, StoreError> {
                $from.ok_or(StoreError::Inconsistency($what))
            }
        }
    )+ };
}

read_as! {
    u64: i64, |count| Self::try_from(count).ok(), "a negative count";
    u32: i32, |count| Self::try_from(count).ok(), "a negative count";
    u16: i32, |opcode| Self::try_from(opcode).ok(), "an opcode out of range";
    Partition: i16, |number| u16::try_from(number).ok().and_then(Self::new), "no such partition";
    Permissions: i64, |bits| Some(Self::from_sql(bits)), "permissions";
    ChannelKind: i16, |kind| u8::try_from(kind).ok().and_then(Self::from_number), "a kind of channel";
    TargetKind: i16, |kind| u8::try_from(kind).ok().and_then(Self::from_number), "a kind of override";
    SignUp: i16, |policy| u8::try_from(policy).ok().and_then(Self::from_number), "a policy";
    StatusKind: i16, |kind| u8::try_from(kind).ok().and_then(Self::from_number), "a status";
    NotificationState: i16, |state| u8::try_from(state).ok().and_then(Self::from_number), "a state";
}

impl<T> FromColumn for Id<T> {
    type Column = i64;

    fn from_column(column: i64) -> Result<Self, StoreError> {
        Self::try_from(column).map_err(|_| StoreError::Inconsistency("an id out of range"))
    }
}

impl<T> FromColumn for Vec<Id<T>> {
    type Column = Vec<i64>;

    fn from_column(column: Vec<i64>) -> Result<Self, StoreError> {
        column.into_iter().map(Id::from_column).collect()
    }
}

impl<V: FromColumn> FromColumn for Option<V> {
    type Column = Option<V::Column>;

    fn from_column(column: Self::Column) -> Result<Self, StoreError> {
        column.map(V::from_column).transpose()
    }
}

/// Values that are written as another one.
macro_rules! written_as {
    ($([$($of:ident)?] $value:ty: $column:ty as $type:ident, |$given:ident| $to:expr;)+) => { $(
        impl$(<$of>)? ToColumn for $value {
            type Column<'a> = $column where Self: 'a;
            const TYPE: Type = Type::$type;

            fn to_column(&self) -> $column {
                let $given = self;
                $to
            }
        }
    )+ };
}

written_as! {
    [] bool: Self as BOOL, |value| *value;
    [] i16: Self as INT2, |value| *value;
    [] i32: Self as INT4, |value| *value;
    [] i64: Self as INT8, |value| *value;
    [] f64: Self as FLOAT8, |value| *value;
    // Every number of ours has at most 63 bits; a larger one that somebody names is above all.
    [] u64: i64 as INT8, |number| i64::try_from(*number).unwrap_or(i64::MAX);
    [] u32: i32 as INT4, |number| number.cast_signed();
    [] u16: i32 as INT4, |number| i32::from(*number);
    [T] Id<T>: i64 as INT8, |id| id.sql();
    [] Partition: i16 as INT2, |partition| partition.number().cast_signed();
    [] Permissions: i64 as INT8, |permissions| permissions.sql();
    [] ChannelKind: i16 as INT2, |kind| i16::from(kind.number());
    [] TargetKind: i16 as INT2, |kind| i16::from(kind.number());
    [] SignUp: i16 as INT2, |policy| i16::from(policy.number());
    [] StatusKind: i16 as INT2, |kind| i16::from(kind.number());
    [] NotificationState: i16 as INT2, |state| i16::from(state.number());
    [] [u64]: Vec<i64> as INT8_ARRAY, |list| list.iter().map(u64::to_column).collect();
    [T] [Id<T>]: Vec<i64> as INT8_ARRAY, |list| list.iter().map(|id| id.sql()).collect();
    [] [Partition]: Vec<i16> as INT2_ARRAY, |list| list.iter().map(Partition::to_column).collect();
}

/// Values that are written where they are.
macro_rules! written_plain {
    ($($value:ty: $type:ident,)+) => { $(
        impl ToColumn for $value {
            type Column<'a> = &'a Self where Self: 'a;
            const TYPE: Type = Type::$type;

            fn to_column(&self) -> &Self {
                self
            }
        }
    )+ };
}

written_plain! {
    str: TEXT,
    String: TEXT,
    [u8]: BYTEA,
    [bool]: BOOL_ARRAY,
    [i16]: INT2_ARRAY,
    [i32]: INT4_ARRAY,
    [i64]: INT8_ARRAY,
    [f64]: FLOAT8_ARRAY,
    [&str]: TEXT_ARRAY,
    [String]: TEXT_ARRAY,
    [&[u8]]: BYTEA_ARRAY,
    [Vec<u8>]: BYTEA_ARRAY,
    [Option<i64>]: INT8_ARRAY,
    [Option<&str>]: TEXT_ARRAY,
}

impl<V> ToColumn for Vec<V>
where
    V: Debug + Sync,
    [V]: ToColumn,
{
    type Column<'a>
        = <[V] as ToColumn>::Column<'a>
    where
        Self: 'a;
    const TYPE: Type = <[V]>::TYPE;

    fn to_column(&self) -> Self::Column<'_> {
        self.as_slice().to_column()
    }
}

impl<V: ToColumn + ?Sized> ToColumn for &V {
    type Column<'a>
        = V::Column<'a>
    where
        Self: 'a;
    const TYPE: Type = V::TYPE;

    fn to_column(&self) -> V::Column<'_> {
        (**self).to_column()
    }
}

impl<V: ToColumn> ToColumn for Option<V> {
    type Column<'a>
        = Option<V::Column<'a>>
    where
        Self: 'a;
    const TYPE: Type = V::TYPE;

    fn to_column(&self) -> Self::Column<'_> {
        self.as_ref().map(V::to_column)
    }
}

macro_rules! several {
    ($($value:ident)+) => {
        impl<$($value: FromColumns),+> FromColumns for ($($value,)+) {
            fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
                Ok(($($value::from_columns(columns)?,)+))
            }
        }
    };
}

several!(A B);
several!(A B C);
several!(A B C D);
several!(A B C D E);
several!(A B C D E F);

columns! { User { user_id, name, guest, admin, avatar, deleted } }
columns! { Profile { user, bio, locale } }
columns! { Server { server_id, name, owner_id, icon, description, discoverable } }
columns! { Role {
    role_id, name, permissions, position, colour, hoist, mentionable, self_assignable, category
} }
columns! { Override { kind, target, allow, deny } }
columns! { Lockdown { no_joining, speakers, until } }

/// A rule; none, and a warning, where only a newer program understands what it does.
pub(super) fn unpack_rule(
    (rule_id, settings, maker_id): (RuleId, Vec<u8>, Option<UserId>),
) -> Option<Rule> {
    match protocol::decode_told::<RuleSettings>(&settings) {
        Ok(settings) => Some(Rule {
            rule_id,
            settings,
            maker_id,
        }),
        Err(error) => {
            tracing::warn!(rule = %rule_id, %error, "a rule that is not understood is not applied");
            None
        }
    }
}

columns! { BanTerms { reason, banned_by, banned_at, until } }
columns! { MemberState { standing, silences } }

/// Channels, 0 being everywhere, and until when in each.
impl FromColumns for Silences {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        let (channels, until): (Vec<i64>, Vec<i64>) = FromColumns::from_columns(columns)?;
        let mut silences = Self::default();
        for (channel, until) in channels.into_iter().zip(until) {
            let until = u64::from_column(until)?;
            match channel {
                0 => silences.everywhere = until,
                channel => silences.channels.push((Id::from_column(channel)?, until)),
            }
        }
        Ok(silences)
    }
}

impl FromColumns for Export {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        let started_at: u64 = FromColumns::from_columns(columns)?;
        let finished_at: Option<u64> = FromColumns::from_columns(columns)?;
        Ok(Self {
            started_at,
            finished_at,
            expires_at: finished_at.map_or(0, |at| at + EXPORT_KEPT_MS),
            parts: FromColumns::from_columns(columns)?,
            bytes: FromColumns::from_columns(columns)?,
            cut: FromColumns::from_columns(columns)?,
        })
    }
}

impl FromColumns for Standing {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        let (user, roles, since, changed) = FromColumns::from_columns(columns)?;
        let mut roles: Vec<RoleId> = roles;
        // They are written sorted, but groups of members depend on it.
        roles.sort_unstable();
        Ok(Self {
            user,
            roles,
            since,
            changed,
        })
    }
}
