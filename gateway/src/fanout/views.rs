//! Who sees what of a server: its structure, folded from its log, and the groups
//! of local sessions that see the same. Knows no session: a change of rights costs
//! what there are groups, however many belong to them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use foldhash::fast::RandomState;
use shared::{
    domain::{
        permissions::{Override, Standing, Structure, TargetKind},
        rights::Change,
    },
    ids::{ChannelId, RoleId, UserId},
};

use crate::{
    delivery::message::{Channels, GroupId},
    small_map::SmallMap,
};

/// How many changes of single members are remembered.
const RECENT: usize = 1_024;

/// What decides what a member sees: all with the same key see the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    roles: Arc<[RoleId]>,
    /// Who it is, where the structure names him: the owner, or by an override.
    named: Option<UserId>,
}

impl Key {
    fn of(named: &Named, user: UserId, roles: Arc<[RoleId]>) -> Self {
        Self {
            roles,
            named: named.contains(&user).then_some(user),
        }
    }

    fn visible_channels(&self, structure: &Structure) -> Vec<ChannelId> {
        structure.sight(&self.standing())
    }

    fn standing(&self) -> Standing {
        Standing {
            user: self.named.unwrap_or(NOBODY),
            roles: self.roles.to_vec(),
            since: 0,
            changed: 0,
        }
    }
}

/// Ids are never this large in the lifetime of the epoch: nothing names it.
const NOBODY: UserId = match UserId::new(shared::ids::MAX_ID) {
    Some(user) => user,
    None => unreachable!(),
};

/// The owner, and the members that overrides name.
type Named = HashSet<UserId, RandomState>;

#[derive(Debug)]
struct ViewGroup {
    key: Key,
    channels: Channels,
    members: usize,
}

/// The structure of a server as of its last event given out, and the groups.
#[derive(Debug)]
pub struct Views {
    structure: Arc<Structure>,
    /// Whom the structure names.
    named: Named,
    version: u64,
    groups: SmallMap<GroupId, ViewGroup>,
    keys: HashMap<Key, GroupId, RandomState>,
    next: u32,
    /// The last changes of single members: who left, or holds other roles.
    recent: VecDeque<(u64, UserId)>,
    /// Behind this event all such changes are remembered.
    settled: u64,
}

/// A group that sees something else now.
#[derive(Debug, Clone)]
pub struct Turned {
    /// Which.
    pub group: GroupId,
    /// What it saw.
    pub before: Channels,
    /// What it sees.
    pub after: Channels,
}

/// A member who may belong to another group now.
#[derive(Debug)]
pub struct Regroup {
    /// Who.
    pub user: UserId,
    /// The roles held now, where they are others, and the membership that they are of.
    pub roles: Option<(u64, Vec<RoleId>)>,
}

/// What a change of rights did.
#[derive(Debug, Default)]
pub struct Folded {
    /// Groups that see something else now.
    pub turned: Vec<Turned>,
    /// Members who may belong to another group now.
    pub regroup: Vec<Regroup>,
    /// Memberships that ended: the account, and the event that it began with.
    pub left: Vec<(UserId, u64)>,
}

/// A change is missing between the structure and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl Views {
    /// The structure as read, without groups. `settled` is the last event that
    /// may have changed a member.
    pub fn new(structure: Structure, version: u64, settled: u64) -> Self {
        let structure = structure.reduced();
        Self {
            named: structure.named().collect(),
            structure: Arc::new(structure),
            version,
            groups: SmallMap::default(),
            keys: HashMap::default(),
            next: 0,
            recent: VecDeque::new(),
            settled,
        }
    }

    /// The structure, reduced to what decides visibility.
    pub const fn structure(&self) -> &Arc<Structure> {
        &self.structure
    }

    /// The last event that changed the structure.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether a standing that was read when the head was at `head` may be
    /// another one since.
    pub fn outdates(&self, user: UserId, head: u64) -> bool {
        head < self.settled
            || self
                .recent
                .iter()
                .any(|(seq, who)| *seq > head && *who == user)
    }

    /// Adds a member; answers its group and what that sees.
    pub fn enter(&mut self, user: UserId, roles: &[RoleId]) -> (GroupId, Channels) {
        let key = Key::of(&self.named, user, roles.into());
        let id = *self.keys.entry(key.clone()).or_insert_with(|| {
            self.next += 1;
            GroupId(self.next)
        });
        let structure = &self.structure;
        let group = self.groups.get_or_insert_with(id, || ViewGroup {
            channels: key.visible_channels(structure).into(),
            key,
            members: 0,
        });
        group.members += 1;
        (id, Arc::clone(&group.channels))
    }

    /// Takes a member out of a group.
    pub fn leave(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        group.members = group.members.saturating_sub(1);
        if group.members == 0
            && let Some(group) = self.groups.remove(&id)
        {
            self.keys.remove(&group.key);
        }
    }

    /// What a group sees; nothing where there is no such group.
    pub fn group_channels(&self, id: GroupId) -> Channels {
        self.groups
            .get(&id)
            .map_or_else(|| Arc::from([]), |group| Arc::clone(&group.channels))
    }

    /// Moves a member to the group that is his now, with `roles` where they
    /// changed; none when it is the one he is in.
    pub fn regroup(
        &mut self,
        id: GroupId,
        user: UserId,
        roles: Option<&[RoleId]>,
    ) -> Option<(GroupId, Channels)> {
        let now = &self.groups.get(&id)?.key;
        let roles: Arc<[RoleId]> = roles.map_or_else(|| Arc::clone(&now.roles), Arc::from);
        if Key::of(&self.named, user, Arc::clone(&roles)) == *now {
            return None;
        }
        self.leave(id);
        Some(self.enter(user, &roles))
    }

    /// Makes the changes of event `seq` true.
    pub fn fold(&mut self, seq: u64, follows: u64, changes: &[Change]) -> Result<Folded, Broken> {
        if follows != self.version {
            return Err(Broken);
        }
        let mut folded = Folded::default();
        let mut touched = Touched::default();
        for change in changes {
            touched.note(change);
            match change {
                Change::Roles {
                    user, since, after, ..
                } => {
                    self.remember(seq, *user);
                    folded.regroup.push(Regroup {
                        user: *user,
                        roles: Some((*since, after.clone())),
                    });
                }
                Change::Left { user, since, .. } => {
                    self.remember(seq, *user);
                    folded.left.push((*user, *since));
                }
                structural => {
                    self.version = seq;
                    Arc::make_mut(&mut self.structure).apply(structural, true);
                }
            }
        }
        if !touched.users.is_empty() {
            self.named = self.structure.named().collect();
        }
        let named = touched.users.drain();
        folded
            .regroup
            .extend(named.map(|user| Regroup { user, roles: None }));
        #[cfg(feature = "sabotage")]
        if crate::sabotage::keeps_view() {
            return Ok(folded);
        }
        if !touched.is_empty() {
            folded.turned = self.turn(&touched);
        }
        Ok(folded)
    }

    fn remember(&mut self, seq: u64, user: UserId) {
        if self.recent.len() == RECENT
            && let Some((oldest, _)) = self.recent.pop_front()
        {
            self.settled = oldest;
        }
        self.recent.push_back((seq, user));
    }

    /// Computes anew what was touched; answers the groups that see something else.
    fn turn(&mut self, touched: &Touched) -> Vec<Turned> {
        let everyone = self.structure.everyone();
        let structure = &self.structure;
        let mut turned = Vec::new();
        let groups = self.groups.iter_mut();
        for (id, group) in groups {
            let key = &group.key;
            let whole = touched.roles.contains(&everyone)
                || key.roles.iter().any(|role| touched.roles.contains(role))
                || key.named.is_some_and(|user| touched.owners.contains(&user));
            let after = if whole {
                key.visible_channels(structure)
            } else {
                touched.visible_channels(structure, key, &group.channels)
            };
            if after[..] != group.channels[..] {
                let after: Channels = after.into();
                turned.push(Turned {
                    group: *id,
                    before: std::mem::replace(&mut group.channels, Arc::clone(&after)),
                    after,
                });
            }
        }
        turned
    }
}

/// What an event's changes touched.
#[derive(Debug, Default)]
struct Touched {
    roles: HashSet<RoleId, RandomState>,
    owners: HashSet<UserId, RandomState>,
    channels: HashSet<ChannelId, RandomState>,
    /// Who was or is named.
    users: HashSet<UserId, RandomState>,
}

impl Touched {
    fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.owners.is_empty() && self.channels.is_empty()
    }

    fn note(&mut self, change: &Change) {
        match change {
            Change::Owner { before, after } => {
                self.owners.extend([*before, *after]);
                self.users.extend([*before, *after]);
            }
            Change::Role { role, .. } => {
                self.roles.insert(*role);
            }
            Change::Override {
                channel,
                before,
                after,
            } => {
                self.channels.insert(*channel);
                self.name(before);
                self.name(after);
            }
            Change::Channel {
                channel,
                before,
                after,
            } => {
                self.channels.insert(*channel);
                self.name(before.iter().flatten());
                self.name(after.iter().flatten());
            }
            Change::Roles { .. } | Change::Left { .. } => {}
        }
    }

    fn name<'a>(&mut self, overrides: impl IntoIterator<Item = &'a Override>) {
        let members = overrides
            .into_iter()
            .filter(|o| o.kind == TargetKind::Member);
        self.users
            .extend(members.filter_map(|o| UserId::new(o.target)));
    }

    /// What the group sees when only the touched channels are looked at.
    fn visible_channels(
        &self,
        structure: &Structure,
        key: &Key,
        before: &[ChannelId],
    ) -> Vec<ChannelId> {
        let standing = key.standing();
        let untouched = before.iter().filter(|id| !self.channels.contains(id));
        let touched = self
            .channels
            .iter()
            .filter(|id| !structure.in_channel(&standing, **id).is_empty());
        let mut after: Vec<ChannelId> = untouched.chain(touched).copied().collect();
        after.sort_unstable();
        after
    }
}

/// What is in `after` and not in `before`; both are sorted.
pub fn gained(before: &[ChannelId], after: &[ChannelId]) -> Vec<ChannelId> {
    after
        .iter()
        .copied()
        .filter(|channel| before.binary_search(channel).is_err())
        .collect()
}
