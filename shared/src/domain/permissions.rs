//! Who may do what, and the one function that decides it for every door and view.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use shared_derive::{Body, Choice};

use crate::{
    ids::{ChannelId, RoleId, ServerId, UserId},
    wire::{Shape, Wire},
};

macro_rules! permissions {
    ($( $(#[doc = $doc:literal])+ $name:ident = $bits:expr; )+) => {
        bitflags::bitflags! {
            /// What a member may do. Bits are never reused; at most 52 of them, so that
            /// a set is a plain number in JavaScript.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
            pub struct Permissions: u64 {
                $( $(#[doc = $doc])+ const $name = $bits; )+
            }
        }

        impl Permissions {
            /// Every permission with its name and its meaning, in order of their bits.
            pub const ALL: &[(Self, &'static str, &'static str)] =
                &[ $( (Self::$name, stringify!($name), concat!($($doc),+).trim_ascii()) ),+ ];
        }
    };
}

permissions! {
    /// See a channel and its events.
    VIEW_CHANNEL = 1;
    /// Send messages.
    SEND_MESSAGES = 1 << 1;
    /// Delete the messages of others.
    MANAGE_MESSAGES = 1 << 2;
    /// Create, change, and delete channels.
    MANAGE_CHANNELS = 1 << 3;
    /// Invite people to the server.
    CREATE_INVITE = 1 << 4;
    /// Read what was said before.
    READ_HISTORY = 1 << 5;
    /// Make and give roles below one's own, and set overrides, within one's own permissions.
    MANAGE_ROLES = 1 << 6;
    /// Everything, whatever overrides say.
    ADMINISTRATOR = 1 << 7;
    /// Remove members of lower rank; they may come back.
    KICK_MEMBERS = 1 << 8;
    /// Remove members of lower rank for good, and let them back in.
    BAN_MEMBERS = 1 << 9;
    /// Silence members of lower rank for some time, everywhere or in one channel.
    TIMEOUT_MEMBERS = 1 << 10;
    /// Change one's own nickname.
    CHANGE_NICKNAME = 1 << 11;
    /// Change the nicknames of members of lower rank.
    MANAGE_NICKNAMES = 1 << 12;
    /// Change the server itself, its invites and its rules of moderation.
    MANAGE_SERVER = 1 << 13;
    /// Read who moderated whom and why, and the reports.
    VIEW_AUDIT_LOG = 1 << 14;
    /// React to messages.
    ADD_REACTIONS = 1 << 15;
    /// Pin and unpin messages.
    PIN_MESSAGES = 1 << 16;
    /// Mention everyone, and roles that not everybody may mention.
    MENTION_EVERYONE = 1 << 17;
    /// Send without waiting where a channel is slow.
    BYPASS_SLOW_MODE = 1 << 18;
}

impl Permissions {
    /// What everyone may do in a new server.
    pub const EVERYONE: Self = Self::VIEW_CHANNEL
        .union(Self::SEND_MESSAGES)
        .union(Self::CREATE_INVITE)
        .union(Self::READ_HISTORY)
        .union(Self::CHANGE_NICKNAME)
        .union(Self::ADD_REACTIONS);

    /// As Postgres keeps them.
    pub const fn sql(self) -> i64 {
        self.bits().cast_signed()
    }

    /// From what Postgres kept; bits of a later version are dropped.
    pub const fn from_sql(bits: i64) -> Self {
        Self::from_bits_truncate(bits.cast_unsigned())
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.bits().serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_bits_truncate)
    }
}
impl Wire for Permissions {
    fn shape() -> Shape {
        Shape::Flags("Permissions")
    }
    fn sample() -> Self {
        Self::EVERYONE
    }
}

/// Whom an override names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Choice)]
pub enum TargetKind {
    /// Everyone with the role.
    Role = 0,
    /// One member.
    Member = 1,
}

/// What a role or a member may do otherwise in one channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Override {
    /// Whom `target` names.
    pub kind: TargetKind,
    /// The id of the role or of the member; the role of everyone has the server's id.
    #[serde(with = "crate::ids::any_id")]
    pub target: u64,
    /// Permissions given here.
    pub allow: Permissions,
    /// Permissions taken here, unless an override of the same rank allows them.
    pub deny: Permissions,
}

/// A member, as far as permissions go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Who it is.
    pub user: UserId,
    /// The roles held, sorted, without the role of everyone.
    pub roles: Vec<RoleId>,
    /// The event of the server's topic that this membership began with: it tells
    /// one membership from an earlier one of the same account.
    pub since: u64,
    /// The last event that changed the roles held; 0 when none did.
    pub changed: u64,
}

/// What permissions depend on, of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// The server.
    pub server: ServerId,
    /// May everything.
    pub owner: UserId,
    /// What each role permits; the role of everyone has the server's id.
    pub roles: BTreeMap<RoleId, Permissions>,
    /// The overrides of each channel.
    pub channels: BTreeMap<ChannelId, Vec<Override>>,
}

/// What a member sees of a server: the permissions in each visible channel.
pub type View = BTreeMap<ChannelId, Permissions>;

impl Structure {
    /// What the member may do in the server as a whole.
    pub fn in_server(&self, member: &Standing) -> Permissions {
        if member.user == self.owner {
            return Permissions::all();
        }
        let everyone = self
            .roles
            .get(&self.everyone())
            .copied()
            .unwrap_or_default();
        let all = member
            .roles
            .iter()
            .filter_map(|role| self.roles.get(role))
            .fold(everyone, |sum, role| sum | *role);
        if all.contains(Permissions::ADMINISTRATOR) {
            Permissions::all()
        } else {
            all
        }
    }

    /// What the member may do in a channel: nothing where it cannot be seen,
    /// and where there is no such channel.
    ///
    /// Overrides apply in ranks: everyone, then the member's roles, then the
    /// member; within a rank, allow beats deny.
    pub fn in_channel(&self, member: &Standing, channel: ChannelId) -> Permissions {
        let Some(overrides) = self.channels.get(&channel) else {
            return Permissions::empty();
        };
        let base = self.in_server(member);
        if base.contains(Permissions::ADMINISTRATOR) {
            return base;
        }
        let everyone = self.everyone().get();
        let applied = [
            rank(overrides, |o| {
                o.kind == TargetKind::Role && o.target == everyone
            }),
            rank(overrides, |o| {
                // A role that does not exist counts for nothing, here either.
                o.kind == TargetKind::Role
                    && member
                        .roles
                        .iter()
                        .any(|role| role.get() == o.target && self.roles.contains_key(role))
            }),
            rank(overrides, |o| {
                o.kind == TargetKind::Member && o.target == member.user.get()
            }),
        ]
        .into_iter()
        .fold(base, |sum, (allow, deny)| (sum - deny) | allow);
        if applied.contains(Permissions::VIEW_CHANNEL) {
            applied
        } else {
            Permissions::empty()
        }
    }

    /// What the member sees.
    pub fn view(&self, member: &Standing) -> View {
        self.channels
            .keys()
            .map(|channel| (*channel, self.in_channel(member, *channel)))
            .filter(|(_, permissions)| !permissions.is_empty())
            .collect()
    }

    /// The role that every member has.
    pub const fn everyone(&self) -> RoleId {
        everyone_role(self.server)
    }
}

/// The role of everyone has the id of its server.
pub const fn everyone_role(server: ServerId) -> RoleId {
    match RoleId::new(server.get()) {
        Some(role) => role,
        // A server id is within the range of ids, and so is the role's.
        None => unreachable!(),
    }
}

fn rank(overrides: &[Override], applies: impl Fn(&Override) -> bool) -> (Permissions, Permissions) {
    overrides
        .iter()
        .filter(|o| applies(o))
        .fold(Default::default(), |(allow, deny), o| {
            (allow | o.allow, deny | o.deny)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(n: u64) -> UserId {
        UserId::new(n).unwrap()
    }

    fn structure(overrides: Vec<Override>) -> Structure {
        Structure {
            server: ServerId::new(1).unwrap(),
            owner: user(100),
            roles: [
                (1, Permissions::EVERYONE),
                (2, Permissions::MANAGE_MESSAGES),
                (3, Permissions::empty()),
            ]
            .map(|(id, bits)| (RoleId::new(id).unwrap(), bits))
            .into(),
            channels: [(channel(), overrides)].into(),
        }
    }

    fn channel() -> ChannelId {
        ChannelId::new(9).unwrap()
    }

    fn member(n: u64, roles: &[u64]) -> Standing {
        Standing {
            user: user(n),
            roles: roles.iter().map(|id| RoleId::new(*id).unwrap()).collect(),
            since: 0,
            changed: 0,
        }
    }

    fn over(kind: TargetKind, target: u64, allow: Permissions, deny: Permissions) -> Override {
        Override {
            kind,
            target,
            allow,
            deny,
        }
    }

    #[test]
    fn a_later_rank_beats_an_earlier_one() {
        let server = structure(vec![
            over(
                TargetKind::Role,
                1,
                Permissions::empty(),
                Permissions::VIEW_CHANNEL,
            ),
            over(
                TargetKind::Role,
                2,
                Permissions::VIEW_CHANNEL,
                Permissions::empty(),
            ),
            over(
                TargetKind::Member,
                7,
                Permissions::empty(),
                Permissions::SEND_MESSAGES,
            ),
        ]);
        assert_eq!(
            server.in_channel(&member(5, &[]), channel()),
            Permissions::empty()
        );
        assert!(
            server
                .in_channel(&member(5, &[2]), channel())
                .contains(Permissions::SEND_MESSAGES)
        );
        assert!(
            !server
                .in_channel(&member(7, &[2]), channel())
                .contains(Permissions::SEND_MESSAGES)
        );
        assert_eq!(
            server.in_channel(&member(100, &[]), channel()),
            Permissions::all()
        );
    }

    proptest! {
        #[test]
        fn the_owner_may_everything_and_a_stranger_channel_is_nothing(
            allow in any::<u64>(), deny in any::<u64>(), kind in 0_u8..2, target in 1_u64..10,
        ) {
            let server = structure(vec![over(
                TargetKind::from_number(kind).unwrap(), target,
                Permissions::from_bits_truncate(allow), Permissions::from_bits_truncate(deny),
            )]);
            prop_assert_eq!(server.in_channel(&member(100, &[]), channel()), Permissions::all());
            let unknown = ChannelId::new(10).unwrap();
            prop_assert!(server.in_channel(&member(100, &[]), unknown).is_empty());
            // What cannot be seen permits nothing.
            let seen = server.in_channel(&member(target, &[2]), channel());
            prop_assert!(seen.is_empty() || seen.contains(Permissions::VIEW_CHANNEL));
        }
    }
}
