//! Who may do what, and the one function that decides it for every door and view.

use std::collections::{BTreeMap, BTreeSet};

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

    /// What a role may permit that members take by themselves: nothing that moderates, and
    /// nothing that a new server would not give to everyone.
    pub const SELF_ASSIGNABLE: Self = Self::EVERYONE;

    /// As Postgres keeps them.
    pub const fn sql(self) -> i64 {
        self.bits().cast_signed()
    }

    /// From what Postgres kept; bits of a later version are dropped.
    pub const fn from_sql(bits: i64) -> Self {
        Self::from_bits_truncate(bits.cast_unsigned())
    }
}

/// Whether who holds these in a server may list and resolve its reports.
pub const fn may_handle_reports(held: Permissions) -> bool {
    held.intersects(Permissions::VIEW_AUDIT_LOG.union(Permissions::MANAGE_MESSAGES))
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
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Body)]
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
    /// The channels that announce: who may send there is decided otherwise, not who sees them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub announcements: BTreeSet<ChannelId>,
}

/// What a member sees of a server: the permissions in each visible channel.
pub type View = BTreeMap<ChannelId, Permissions>;

/// What decides in one step of a decision. Numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Choice)]
pub enum Cause {
    /// The member owns the server.
    Owner = 0,
    /// A role permits it in the server.
    Role = 1,
    /// What the member holds so far makes him an administrator.
    Administrator = 2,
    /// Announcements are for those who manage messages.
    Announcement = 3,
    /// An override for a role.
    RoleOverride = 4,
    /// An override for the member.
    MemberOverride = 5,
    /// The channel is not seen, and what is not seen permits nothing.
    Hidden = 6,
    /// The member only looks on for some time, in the whole server.
    Timeout = 7,
    /// The member only looks on for some time, in this channel.
    Mute = 8,
}

/// One step of a decision: it takes `deny` from what is held so far, or adds `allow`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Step {
    /// What decides.
    pub cause: Cause,
    /// The role that is meant.
    pub role_id: Option<RoleId>,
    /// The member whom an override names.
    pub user_id: Option<UserId>,
    /// What it gives.
    pub allow: Permissions,
    /// What it takes.
    pub deny: Permissions,
}

/// What is left to who is silenced.
const LOOKING_ON: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_HISTORY);

/// Which silences of a member hold where and when something is decided; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Silenced {
    /// In the whole server.
    pub timeout: bool,
    /// In the channel.
    pub mute: bool,
}

/// A decision under way: what is held so far, and who is told of each step.
struct Decision<F> {
    held: Permissions,
    tell: F,
}

impl<F: FnMut(Step)> Decision<F> {
    fn allow(&mut self, cause: Cause, allow: Permissions) {
        self.take_step(cause, None, (allow, Permissions::empty()));
    }

    fn deny(&mut self, cause: Cause, deny: Permissions) {
        self.take_step(cause, None, (Permissions::empty(), deny));
    }

    fn take_step(
        &mut self,
        cause: Cause,
        target: Option<u64>,
        (allow, deny): (Permissions, Permissions),
    ) {
        self.held = (self.held - deny) | allow;
        let member = cause == Cause::MemberOverride;
        (self.tell)(Step {
            cause,
            role_id: target.filter(|_| !member).and_then(RoleId::new),
            user_id: target.filter(|_| member).and_then(UserId::new),
            allow,
            deny,
        });
    }

    /// Overrides of one rank: all of them take before any gives, so that allow beats deny.
    fn apply_rank(
        &mut self,
        cause: Cause,
        overrides: &[Override],
        applies: impl Fn(&Override) -> bool,
    ) {
        let none = Permissions::empty();
        for given in overrides
            .iter()
            .filter(|o| !o.deny.is_empty() && applies(o))
        {
            self.take_step(cause, Some(given.target), (none, given.deny));
        }
        for given in overrides
            .iter()
            .filter(|o| !o.allow.is_empty() && applies(o))
        {
            self.take_step(cause, Some(given.target), (given.allow, none));
        }
    }
}

impl Structure {
    /// What the member is given in the server as a whole, silenced or not.
    pub fn in_server(&self, member: &Standing) -> Permissions {
        self.permit(member, None, Silenced::default())
    }

    /// What the member is given in a channel, silenced or not: nothing where it cannot be seen,
    /// and where there is no such channel.
    ///
    /// Overrides apply in ranks: everyone, then the member's roles, then the
    /// member; within a rank, allow beats deny.
    pub fn in_channel(&self, member: &Standing, channel: ChannelId) -> Permissions {
        self.permit(member, Some(channel), Silenced::default())
    }

    /// What the member may do in a channel, or in the server as a whole: what it is given, as far
    /// as no silence takes it.
    pub fn permit(
        &self,
        member: &Standing,
        channel: Option<ChannelId>,
        silenced: Silenced,
    ) -> Permissions {
        self.decide(member, channel, silenced, |_step| {})
    }

    /// The same decision with its steps: the last one that names a permission decided about it,
    /// and what none names nobody gave.
    pub fn explain(
        &self,
        member: &Standing,
        channel: Option<ChannelId>,
        silenced: Silenced,
    ) -> (Permissions, Vec<Step>) {
        let mut steps = Vec::new();
        let held = self.decide(member, channel, silenced, |step| steps.push(step));
        (held, steps)
    }

    /// The one decision. What silences a member is a step of it, too: after the overrides, and
    /// before what is hidden. Who may everything is silenced by nobody.
    fn decide(
        &self,
        member: &Standing,
        channel: Option<ChannelId>,
        silenced: Silenced,
        tell: impl FnMut(Step),
    ) -> Permissions {
        let held = Permissions::empty();
        let mut decision = Decision { held, tell };
        let place = channel.map(|channel| (channel, self.channels.get(&channel)));
        if let Some((_, None)) = place {
            return held;
        }
        self.decide_in_server(member, &mut decision);
        if decision.held.contains(Permissions::ADMINISTRATOR) {
            return decision.held;
        }
        if let Some((channel, Some(overrides))) = place {
            self.decide_in_channel(member, (channel, overrides), &mut decision);
        }
        let taken = Permissions::all().difference(LOOKING_ON);
        if silenced.timeout {
            decision.deny(Cause::Timeout, taken);
        }
        if silenced.mute {
            decision.deny(Cause::Mute, taken);
        }
        if place.is_some() && !decision.held.contains(Permissions::VIEW_CHANNEL) {
            decision.deny(Cause::Hidden, Permissions::all());
        }
        decision.held
    }

    fn decide_in_server<F: FnMut(Step)>(&self, member: &Standing, decision: &mut Decision<F>) {
        let all = Permissions::all();
        if member.user == self.owner {
            return decision.allow(Cause::Owner, all);
        }
        for role in std::iter::once(&self.everyone()).chain(&member.roles) {
            if let Some(permissions) = self.roles.get(role) {
                let step = (*permissions, Permissions::empty());
                decision.take_step(Cause::Role, Some(role.get()), step);
            }
        }
        if decision.held.contains(Permissions::ADMINISTRATOR) {
            decision.allow(Cause::Administrator, all);
        }
    }

    fn decide_in_channel<F: FnMut(Step)>(
        &self,
        member: &Standing,
        (channel, overrides): (ChannelId, &[Override]),
        decision: &mut Decision<F>,
    ) {
        let manages = decision.held.contains(Permissions::MANAGE_MESSAGES);
        if !manages && self.announcements.contains(&channel) {
            decision.deny(Cause::Announcement, Permissions::SEND_MESSAGES);
        }
        let everyone = self.everyone().get();
        decision.apply_rank(Cause::RoleOverride, overrides, |o| {
            o.kind == TargetKind::Role && o.target == everyone
        });
        decision.apply_rank(Cause::RoleOverride, overrides, |o| {
            // A role that does not exist counts for nothing, here either.
            o.kind == TargetKind::Role
                && member
                    .roles
                    .iter()
                    .any(|role| role.get() == o.target && self.roles.contains_key(role))
        });
        decision.apply_rank(Cause::MemberOverride, overrides, |o| {
            o.kind == TargetKind::Member && o.target == member.user.get()
        });
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
            announcements: BTreeSet::new(),
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

    #[test]
    fn announcements_are_for_those_who_manage_messages_or_are_let() {
        let mut server = structure(Vec::new());
        server.announcements.insert(channel());
        let sends = |server: &Structure, member: &Standing| {
            let held = server.in_channel(member, channel());
            held.contains(Permissions::SEND_MESSAGES)
        };
        assert!(!sends(&server, &member(5, &[])));
        // Role 2 manages messages.
        assert!(sends(&server, &member(5, &[2])));
        assert!(sends(&server, &member(100, &[])));
        let let_send = |kind, target| {
            let send = Permissions::SEND_MESSAGES;
            vec![over(kind, target, send, Permissions::empty())]
        };
        let all = let_send(TargetKind::Role, 3);
        server.channels.insert(channel(), all);
        assert!(sends(&server, &member(5, &[3])) && !sends(&server, &member(5, &[])));
        let one = let_send(TargetKind::Member, 5);
        server.channels.insert(channel(), one);
        assert!(sends(&server, &member(5, &[])) && !sends(&server, &member(6, &[])));
    }

    /// A server as the specification describes it, one permission at a time: no set, no fold.
    fn holds(
        server: &Structure,
        member: &Standing,
        channel: ChannelId,
        silenced: Silenced,
        bit: Permissions,
    ) -> bool {
        if server.owner == member.user {
            return server.channels.contains_key(&channel);
        }
        let roles: Vec<u64> = std::iter::once(server.server.get())
            .chain(member.roles.iter().map(|role| role.get()))
            .filter(|id| server.roles.keys().any(|role| role.get() == *id))
            .collect();
        let permits = |id: &u64, bit| {
            let role = server.roles.iter().find(|(role, _)| role.get() == *id);
            role.is_some_and(|(_, permissions)| permissions.contains(bit))
        };
        let Some(overrides) = server.channels.get(&channel) else {
            return false;
        };
        let given = |bit| roles.iter().any(|id| permits(id, bit));
        if given(Permissions::ADMINISTRATOR) {
            return true;
        }
        let looks_on = [Permissions::VIEW_CHANNEL, Permissions::READ_HISTORY].contains(&bit);
        if (silenced.timeout || silenced.mute) && !looks_on {
            return false;
        }
        let decided = |bit: Permissions| {
            // The last word is that of the member, then of his roles, then of everyone.
            let everyone = server.server.get();
            let named = |rank: usize, o: &Override| match (rank, o.kind) {
                (0, TargetKind::Member) => o.target == member.user.get(),
                (1, TargetKind::Role) => o.target != everyone && roles.contains(&o.target),
                (2, TargetKind::Role) => o.target == everyone,
                _ => false,
            };
            for rank in 0..3 {
                let mut here = overrides.iter().filter(|o| named(rank, o));
                if here.clone().any(|o| o.allow.contains(bit)) {
                    return true;
                }
                if here.any(|o| o.deny.contains(bit)) {
                    return false;
                }
            }
            let announces = server.announcements.contains(&channel);
            let silent = announces && bit == Permissions::SEND_MESSAGES;
            given(bit) && (!silent || given(Permissions::MANAGE_MESSAGES))
        };
        decided(Permissions::VIEW_CHANNEL) && decided(bit)
    }

    /// Sets of a few bits: what decides, what is decided, and one that nobody gives.
    fn bits() -> impl Strategy<Value = Permissions> {
        proptest::collection::vec(0_usize..Permissions::ALL.len(), 0..4).prop_map(|picked| {
            let bit = |n: usize| Permissions::ALL.get(n).map(|(bit, ..)| *bit);
            picked.into_iter().filter_map(bit).collect()
        })
    }

    fn structures() -> impl Strategy<Value = Structure> {
        let given = (0_u8..2, 1_u64..6, bits(), bits());
        let overrides = proptest::collection::vec(given, 0..5).prop_map(|list| {
            let mut list: Vec<Override> = list
                .into_iter()
                .map(|(kind, target, allow, deny)| {
                    over(TargetKind::from_number(kind).unwrap(), target, allow, deny)
                })
                .collect();
            list.sort_by_key(|o| (o.kind, o.target));
            list.dedup_by_key(|o| (o.kind, o.target));
            list
        });
        let roles = proptest::collection::btree_map(1_u64..5, bits(), 1..5);
        (roles, overrides, any::<bool>()).prop_map(|(roles, overrides, announces)| Structure {
            roles: roles
                .into_iter()
                .map(|(id, bits)| (RoleId::new(id).unwrap(), bits))
                .collect(),
            announcements: announces.then(channel).into_iter().collect(),
            ..structure(overrides)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_decision_is_that_of_the_specification_and_its_steps_say_why(
            server in structures(), user in prop::sample::select(vec![1_u64, 2, 5, 100]),
            roles in proptest::collection::btree_set(2_u64..6, 0..4),
            timeout in any::<bool>(), mute in any::<bool>(),
        ) {
            let silenced = Silenced { timeout, mute };
            let roles: Vec<u64> = roles.into_iter().collect();
            let member = member(user, &roles);
            let (explained, steps) = server.explain(&member, Some(channel()), silenced);
            prop_assert_eq!(explained, server.permit(&member, Some(channel()), silenced));
            for (bit, name, _) in Permissions::ALL {
                let decided = explained.contains(*bit);
                let due = holds(&server, &member, channel(), silenced, *bit);
                prop_assert_eq!(decided, due, "{} by {:?}", name, steps);
                let last = steps.iter().rev().find(|step| (step.allow | step.deny).contains(*bit));
                let says = last.is_some_and(|step| step.allow.contains(*bit));
                prop_assert_eq!(says, decided, "{} by {:?}", name, steps);
            }
            let silenced = Silenced { mute: false, ..silenced };
            let (explained, steps) = server.explain(&member, None, silenced);
            prop_assert_eq!(explained, server.permit(&member, None, silenced));
            let fold = |held: Permissions, step: &Step| (held - step.deny) | step.allow;
            prop_assert_eq!(explained, steps.iter().fold(Permissions::empty(), fold));
            let given = server.in_server(&member);
            let free = !timeout || given.contains(Permissions::ADMINISTRATOR);
            prop_assert_eq!(explained, if free { given } else { given & LOOKING_ON });
        }
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
