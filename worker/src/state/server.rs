//! Servers, as the lane that owns them remembers them.

use std::collections::BTreeMap;

use foldhash::HashMap;
use shared::{
    domain::{
        limits::MAX_ANNOUNCED,
        permissions::{Permissions, Standing, Structure, TargetKind},
        silences::Silences,
    },
    ids::{ChannelId, MessageId, Partition, RoleId, ServerId, UserId},
    protocol::{
        channel::{Channel, ChannelKind, ChannelPlace},
        moderation::Rule,
        role::Role,
        server::{Server, ServerInfo},
    },
};

use super::moderation::Moderation;

/// Members remembered per lane, at most: 100,000 of about 100 bytes.
const MAX_MEMBERS: usize = 100_000;
/// Servers remembered per lane, at most.
const MAX_SERVERS: usize = 10_000;
/// Characters of the words of all rules remembered per lane, at most: an automaton takes some ten
/// bytes for each.
const MAX_RULE_WEIGHT: usize = 10_000_000;

/// One server.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) profile: ServerProfile,
    /// The `seq` of the last event of its topic.
    pub(crate) head: u64,
    /// The `seq` of the last event that changed the structure.
    pub(crate) rights_version: u64,
    /// How many members there are.
    pub(crate) member_count: u32,
    pub(crate) structure: Structure,
    /// By position, which is the place in this list.
    pub(crate) roles: Vec<Role>,
    pub(crate) channels: BTreeMap<ChannelId, ChannelState>,
    /// Rules and lock-down.
    pub(crate) moderation: Moderation,
    /// Members on first use; `None` remembers that somebody is none.
    pub(crate) members: BTreeMap<UserId, Option<MemberState>>,
}

/// What a lane remembers of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberState {
    pub(crate) standing: Standing,
    /// At most one for each channel; nearly nobody has any.
    pub(crate) silences: Silences,
}

impl MemberState {
    /// Somebody who is not silenced.
    pub(crate) fn new(standing: Standing) -> Self {
        Self {
            standing,
            silences: Silences::default(),
        }
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerProfile {
    pub(crate) name: String,
    pub(crate) icon: String,
    pub(crate) description: String,
    pub(crate) discoverable: bool,
}

impl ServerProfile {
    /// Of a server as others see it.
    pub(crate) fn of(server: Server) -> Self {
        Self {
            name: server.name,
            icon: server.icon,
            description: server.description,
            discoverable: server.discoverable,
        }
    }
}

/// One channel, without its overrides, which are in the structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelState {
    pub(crate) name: String,
    pub(crate) topic: String,
    pub(crate) position: u32,
    pub(crate) last_seq: u64,
    pub(crate) last_message: Option<MessageId>,
    pub(crate) kind: ChannelKind,
    /// The category that it stands in.
    pub(crate) parent: Option<ChannelId>,
    /// Seconds that a member waits between two messages.
    pub(crate) slow_mode: u32,
}

impl ServerState {
    /// The server as others see it.
    pub(crate) fn server(&self) -> Server {
        Server {
            server_id: self.structure.server,
            name: self.profile.name.clone(),
            owner_id: self.structure.owner,
            icon: self.profile.icon.clone(),
            description: self.profile.description.clone(),
            discoverable: self.profile.discoverable,
        }
    }

    /// A role.
    pub(crate) fn find_role(&self, id: RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.role_id == id)
    }

    /// Whether holding a role says anything of a member: not where it is gone, or everyone's, or
    /// for everyone to take.
    pub(crate) fn is_given(&self, id: RoleId) -> bool {
        let role = self.find_role(id);
        role.is_some_and(|role| !role.self_assignable && role.position > 0)
    }

    /// All roles, from that of everyone upwards.
    pub(crate) fn role_order(&self) -> Vec<RoleId> {
        self.roles.iter().map(|role| role.role_id).collect()
    }

    /// Whatever a role permits somewhere: in the server, and by overrides.
    pub(crate) fn gifts_of(&self, role: &Role) -> Permissions {
        let id = role.role_id.get();
        let overrides = self.structure.channels.values().flatten();
        overrides
            .filter(|o| o.kind == TargetKind::Role && o.target == id)
            .fold(role.permissions, |sum, o| sum | o.allow)
    }

    /// What the member's rank is: that of his highest role. One that everyone may take gives none.
    pub(crate) fn rank_of(&self, member: &Standing) -> Rank {
        if member.user == self.structure.owner {
            return Rank::Owner;
        }
        let held = self
            .roles
            .iter()
            .filter(|role| !role.self_assignable && member.roles.contains(&role.role_id));
        Rank::Role(held.map(|role| role.position).max().unwrap_or_default())
    }

    /// Who is told that a member came or left: everyone, or in a large server,
    /// where somebody comes or leaves all the time, the member alone.
    pub(crate) const fn audience_of(&self, user: UserId) -> Audience {
        if self.member_count > MAX_ANNOUNCED {
            Audience::Member(user)
        } else {
            Audience::Members
        }
    }

    /// Who is told what somebody did to a member: everyone, or in a large server the two.
    pub(crate) fn audience_of_act(&self, user: UserId, actor: UserId) -> Audience {
        match self.audience_of(user) {
            Audience::Member(_) if user != actor => Audience::Pair(user, actor, None),
            audience => audience,
        }
    }

    /// A channel as its members see it.
    pub(crate) fn channel(&self, id: ChannelId) -> Option<Channel> {
        let state = self.channels.get(&id)?;
        Some(Channel {
            channel_id: id,
            name: state.name.clone(),
            topic: state.topic.clone(),
            position: state.position,
            overrides: self
                .structure
                .channels
                .get(&id)
                .cloned()
                .unwrap_or_default(),
            last_seq: state.last_seq,
            last_message_id: state.last_message,
            kind: state.kind,
            parent_id: state.parent,
            slow_mode: state.slow_mode,
        })
    }

    /// All channels in the order in which they stand.
    pub(crate) fn channel_order(&self) -> Vec<ChannelId> {
        let mut order: Vec<ChannelId> = self.channels.keys().copied().collect();
        order.sort_by_key(|id| (self.channels.get(id).map(|channel| channel.position), *id));
        order
    }

    /// Where a channel stands.
    pub(crate) fn channel_place(&self, id: ChannelId) -> Option<ChannelPlace> {
        let channel = self.channels.get(&id)?;
        Some(ChannelPlace {
            channel_id: id,
            position: channel.position,
            parent_id: channel.parent,
        })
    }

    /// The server as one member sees it.
    pub(crate) fn info(&self, member: &Standing, now_ms: u64) -> ServerInfo {
        let visible = self.structure.view(member);
        let mut channels: Vec<Channel> =
            visible.keys().filter_map(|id| self.channel(*id)).collect();
        channels.sort_by_key(|channel| (channel.position, channel.channel_id));
        ServerInfo {
            server: self.server(),
            roles: self.roles.clone(),
            channels,
            lockdown: self.moderation.lockdown(now_ms).cloned(),
        }
    }
}

/// How high a member or a role stands: who moderates must be above whom he moderates, and who
/// gives or changes a role above that role. Nobody is above the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The position of a role; 0 is that of everyone.
    Role(u32),
    /// Who owns the server.
    Owner,
}

/// Who gets an event of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Every member.
    Members,
    /// One member.
    Member(UserId),
    /// A member, and who acts on him; those of the two who see the channel, if one is named.
    Pair(UserId, UserId, Option<ChannelId>),
    /// Those who see the channel.
    Channel(ChannelId),
}

impl Audience {
    pub(crate) const fn channel(self) -> Option<u64> {
        match self {
            Self::Channel(channel) | Self::Pair(_, _, Some(channel)) => Some(channel.get()),
            Self::Members | Self::Member(_) | Self::Pair(_, _, None) => None,
        }
    }

    pub(crate) fn accounts(self) -> Option<Vec<u64>> {
        match self {
            Self::Member(user) => Some(vec![user.get()]),
            Self::Pair(user, actor, _) => Some(vec![user.get(), actor.get()]),
            Self::Members | Self::Channel(_) => None,
        }
    }
}

/// The servers of a lane.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    by_id: HashMap<ServerId, ServerState>,
    members: usize,
    /// Of the rules of all of them.
    rule_weight: usize,
}

impl Servers {
    pub(crate) fn get(&self, id: ServerId) -> Option<&ServerState> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ServerId) -> Option<&mut ServerState> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, state: ServerState) {
        self.remove(state.structure.server);
        self.rule_weight += state.moderation.weight();
        self.members += state.members.len();
        self.by_id.insert(state.structure.server, state);
    }

    /// Forgets a server that is gone.
    pub(crate) fn remove(&mut self, id: ServerId) {
        if let Some(state) = self.by_id.remove(&id) {
            self.members -= state.members.len().min(self.members);
            self.rule_weight -= state.moderation.weight().min(self.rule_weight);
        }
    }

    /// Remembers who is a member and who is not.
    pub(crate) fn cache_member(
        &mut self,
        server: ServerId,
        user: UserId,
        member: Option<MemberState>,
    ) {
        if let Some(state) = self.by_id.get_mut(&server)
            && state.members.insert(user, member).is_none()
        {
            self.members += 1;
        }
    }

    pub(super) fn forget(&mut self, partition: Partition) {
        self.by_id.retain(|id, _| id.partition() != partition);
        self.count();
    }

    fn count(&mut self) {
        let all = || self.by_id.values();
        self.members = all().map(|state| state.members.len()).sum();
        self.rule_weight = all().map(|state| state.moderation.weight()).sum();
    }

    /// Gives a server other rules, after writing them.
    pub(crate) fn set_rules(&mut self, server: ServerId, rules: Vec<Rule>) {
        if let Some(state) = self.by_id.get_mut(&server) {
            self.rule_weight -= state.moderation.weight().min(self.rule_weight);
            state.moderation.set_rules(rules);
            self.rule_weight += state.moderation.weight();
        }
    }

    pub(super) fn shrink(&mut self) {
        if self.rule_weight > MAX_RULE_WEIGHT {
            self.forget_heaviest();
        }
        if self.by_id.len() > MAX_SERVERS {
            *self = Self::default();
        } else if self.members > MAX_MEMBERS {
            self.by_id
                .values_mut()
                .for_each(|state| state.members.clear());
            self.members = 0;
        }
    }

    /// Forgets servers until their rules weigh half of what they may, those with the heaviest first:
    /// what others remember of late is not theirs to end.
    fn forget_heaviest(&mut self) {
        let weigh = |(id, state): (&ServerId, &ServerState)| (state.moderation.weight(), *id);
        let mut by_weight: Vec<(usize, ServerId)> = self.by_id.iter().map(weigh).collect();
        by_weight.sort_unstable();
        for (_, id) in by_weight.into_iter().rev() {
            if self.rule_weight <= MAX_RULE_WEIGHT / 2 {
                break;
            }
            self.remove(id);
        }
    }
}
