//! Changes of rights, and the fold that says what a member sees after each of them.
//!
//! The event log of a server holds every change of what permissions depend on, in
//! absolute values before and after. So the structure as of any event is the
//! structure of a later one with the changes in between undone.

use serde::{Deserialize, Serialize};

use super::permissions::{Override, Permissions, Standing, Structure, TargetKind};
use crate::ids::{ChannelId, RoleId, UserId};

/// What decides whether a channel is seen.
const SIGHT: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::ADMINISTRATOR);

/// One difference in what permissions depend on: what was, and what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The server has another owner.
    Owner {
        /// Who owned it.
        before: UserId,
        /// Who owns it.
        after: UserId,
    },
    /// A role permits something else, is new, or is gone.
    Role {
        /// The role.
        role: RoleId,
        /// What it permitted; none when it is new.
        before: Option<Permissions>,
        /// What it permits; none when it is gone.
        after: Option<Permissions>,
    },
    /// One override of a channel is another one, is new, or is gone.
    Override {
        /// The channel.
        channel: ChannelId,
        /// What stood there; none when it is new.
        before: Option<Override>,
        /// What stands there, for the same target; none when it is gone.
        after: Option<Override>,
    },
    /// A channel came or went.
    Channel {
        /// The channel.
        channel: ChannelId,
        /// Its overrides when it went; none when it is new.
        before: Option<Vec<Override>>,
        /// Its overrides when it came; none when it is gone.
        after: Option<Vec<Override>>,
    },
    /// A member holds other roles.
    Roles {
        /// The member.
        user: UserId,
        /// The event that this membership began with: another one is not meant.
        since: u64,
        /// The roles held before.
        before: Vec<RoleId>,
        /// The roles held now.
        after: Vec<RoleId>,
    },
    /// A member left. The overrides that named him go with him, each as a change of its own.
    Left {
        /// Who left.
        user: UserId,
        /// The event that this membership began with: another one is not meant.
        since: u64,
        /// The roles that were held.
        roles: Vec<RoleId>,
    },
}

impl Change {
    /// The change that takes this one back; none for a leaving, which no fold takes back.
    pub fn reversed(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Owner { before, after } => Self::Owner {
                before: after,
                after: before,
            },
            Self::Role {
                role,
                before,
                after,
            } => Self::Role {
                role,
                before: after,
                after: before,
            },
            Self::Override {
                channel,
                before,
                after,
            } => Self::Override {
                channel,
                before: after,
                after: before,
            },
            Self::Channel {
                channel,
                before,
                after,
            } => Self::Channel {
                channel,
                before: after,
                after: before,
            },
            Self::Roles {
                user,
                since,
                before,
                after,
            } => Self::Roles {
                user,
                since,
                before: after,
                after: before,
            },
            Self::Left { .. } => return None,
        })
    }

    /// Whether the structure differs, and not only who belongs to it.
    pub const fn is_structural(&self) -> bool {
        !matches!(self, Self::Roles { .. } | Self::Left { .. })
    }

    /// Whether this channel is gone with it.
    pub fn removes(&self, gone: ChannelId) -> bool {
        matches!(self, Self::Channel { channel, after: None, .. } if *channel == gone)
    }

    /// The changes that turn the overrides `before` of a channel into `after`.
    pub fn between(channel: ChannelId, before: &[Override], after: &[Override]) -> Vec<Self> {
        let find = |list: &[Override], of: &Override| {
            list.iter()
                .find(|other| (other.kind, other.target) == (of.kind, of.target))
                .cloned()
        };
        let gone = before
            .iter()
            .filter(|old| find(after, old).is_none())
            .map(|old| (Some(old.clone()), None));
        let new = after
            .iter()
            .map(|new| (find(before, new), Some(new.clone())))
            .filter(|(old, new)| old != new);
        gone.chain(new)
            .map(|(before, after)| Self::Override {
                channel,
                before,
                after,
            })
            .collect()
    }
}

impl Structure {
    /// What decides sight, and nothing else: everything that a gateway keeps.
    #[must_use]
    pub fn reduced(mut self) -> Self {
        for permissions in self.roles.values_mut() {
            *permissions &= SIGHT;
        }
        for overrides in self.channels.values_mut() {
            *overrides = overrides.iter().filter_map(reduce).collect();
        }
        self.announcements.clear();
        self
    }

    /// Makes a change true. Of a reduced structure, what does not decide sight
    /// is left out.
    pub fn apply(&mut self, change: &Change, reduced: bool) {
        let keep = |given: &Override| {
            if reduced {
                reduce(given)
            } else {
                Some(given.clone())
            }
        };
        match change {
            Change::Owner { after, .. } => self.owner = *after,
            Change::Role { role, after, .. } => {
                match after {
                    Some(bits) if reduced => self.roles.insert(*role, *bits & SIGHT),
                    Some(bits) => self.roles.insert(*role, *bits),
                    None => self.roles.remove(role),
                };
            }
            Change::Override {
                channel,
                before,
                after,
            } => {
                let Some(overrides) = self.channels.get_mut(channel) else {
                    return;
                };
                let Some(target) = before.as_ref().or(after.as_ref()) else {
                    return;
                };
                overrides.retain(|o| (o.kind, o.target) != (target.kind, target.target));
                overrides.extend(after.as_ref().and_then(keep));
            }
            Change::Channel { channel, after, .. } => {
                match after {
                    Some(overrides) => {
                        let kept = overrides.iter().filter_map(keep).collect();
                        self.channels.insert(*channel, kept)
                    }
                    None => self.channels.remove(channel),
                };
            }
            Change::Roles { .. } | Change::Left { .. } => {}
        }
    }

    /// The channels that the member sees, sorted.
    pub fn sight(&self, member: &Standing) -> Vec<ChannelId> {
        self.channels
            .keys()
            .copied()
            .filter(|channel| !self.in_channel(member, *channel).is_empty())
            .collect()
    }

    /// What decides who sees a channel: channels with the same are seen by the same members.
    pub fn sight_overrides(&self, channel: ChannelId) -> Vec<Override> {
        let overrides = self.channels.get(&channel).into_iter().flatten();
        let mut reduced: Vec<Override> = overrides.filter_map(reduce).collect();
        reduced.sort_by_key(|o| (o.kind, o.target));
        reduced
    }

    /// Who is judged by who he is, and not by his roles alone: the owner, and the
    /// members that overrides name.
    pub fn named(&self) -> impl Iterator<Item = UserId> {
        let overrides = self.channels.values().flatten();
        let members = overrides.filter(|o| o.kind == TargetKind::Member);
        std::iter::once(self.owner).chain(members.filter_map(|o| UserId::new(o.target)))
    }
}

impl Standing {
    /// Makes a change true, if it means this membership; whether it did.
    pub fn apply(&mut self, change: &Change) -> bool {
        if let Change::Roles {
            user, since, after, ..
        } = change
            && (*user, *since) == (self.user, self.since)
        {
            self.roles.clone_from(after);
            return true;
        }
        false
    }
}

fn reduce(given: &Override) -> Option<Override> {
    let seen = Permissions::VIEW_CHANNEL;
    let reduced = Override {
        kind: given.kind,
        target: given.target,
        allow: given.allow & seen,
        deny: given.deny & seen,
    };
    (!(reduced.allow | reduced.deny).is_empty()).then_some(reduced)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn over() -> impl Strategy<Value = Override> {
        (0_u8..2, 1_u64..5, any::<u64>(), any::<u64>()).prop_map(|(kind, target, allow, deny)| {
            Override {
                kind: TargetKind::from_number(kind).unwrap(),
                target,
                allow: Permissions::from_bits_truncate(allow),
                deny: Permissions::from_bits_truncate(deny),
            }
        })
    }

    fn overrides() -> impl Strategy<Value = Vec<Override>> {
        proptest::collection::vec(over(), 0..4).prop_map(|mut list| {
            list.sort_by_key(|o| (o.kind, o.target));
            list.dedup_by_key(|o| (o.kind, o.target));
            list
        })
    }

    fn structure() -> impl Strategy<Value = Structure> {
        let roles = proptest::collection::btree_map(1_u64..5, any::<u64>(), 0..4);
        let channels = proptest::collection::btree_map(10_u64..14, overrides(), 0..4);
        (1_u64..5, roles, channels).prop_map(|(owner, roles, channels)| Structure {
            server: crate::ids::ServerId::new(1).unwrap(),
            owner: UserId::new(owner).unwrap(),
            roles: roles
                .into_iter()
                .map(|(id, bits)| {
                    let bits = Permissions::from_bits_truncate(bits);
                    (RoleId::new(id).unwrap(), bits)
                })
                .collect(),
            channels: channels
                .into_iter()
                .map(|(id, list)| (ChannelId::new(id).unwrap(), list))
                .collect(),
            announcements: std::collections::BTreeSet::new(),
        })
    }

    /// What leads from one structure to another.
    fn difference(from: &Structure, to: &Structure) -> Vec<Change> {
        let mut all = vec![Change::Owner {
            before: from.owner,
            after: to.owner,
        }];
        let roles: std::collections::BTreeSet<_> =
            from.roles.keys().chain(to.roles.keys()).copied().collect();
        all.extend(roles.into_iter().map(|role| Change::Role {
            role,
            before: from.roles.get(&role).copied(),
            after: to.roles.get(&role).copied(),
        }));
        for (channel, before) in &from.channels {
            match to.channels.get(channel) {
                Some(after) => all.extend(Change::between(*channel, before, after)),
                None => all.push(Change::Channel {
                    channel: *channel,
                    before: Some(before.clone()),
                    after: None,
                }),
            }
        }
        for (channel, after) in &to.channels {
            if !from.channels.contains_key(channel) {
                all.push(Change::Channel {
                    channel: *channel,
                    before: None,
                    after: Some(after.clone()),
                });
            }
        }
        all
    }

    fn sorted(mut structure: Structure) -> Structure {
        let sort = |list: &mut Vec<Override>| list.sort_by_key(|o| (o.kind, o.target));
        structure.channels.values_mut().for_each(sort);
        structure
    }

    proptest! {
        #[test]
        fn changes_lead_there_and_back(from in structure(), to in structure()) {
            let changes = difference(&from, &to);
            let mut folded = from.clone();
            for change in &changes {
                folded.apply(change, false);
            }
            prop_assert_eq!(sorted(folded.clone()), sorted(to));
            for change in changes.iter().rev().filter_map(Change::reversed) {
                folded.apply(&change, false);
            }
            prop_assert_eq!(sorted(folded), sorted(from));
        }

        #[test]
        fn a_reduced_structure_shows_the_same(
            from in structure(), to in structure(), user in 1_u64..5,
            roles in proptest::collection::btree_set(1_u64..5, 0..3),
        ) {
            let mut reduced = from.clone().reduced();
            for change in &difference(&from, &to) {
                reduced.apply(change, true);
            }
            let member = Standing {
                user: UserId::new(user).unwrap(),
                roles: roles.into_iter().filter_map(RoleId::new).collect(),
                since: 0,
                changed: 0,
            };
            prop_assert_eq!(reduced.sight(&member), to.sight(&member));
            let view: BTreeMap<_, _> = to.view(&member);
            prop_assert_eq!(reduced.sight(&member), view.into_keys().collect::<Vec<_>>());
            // Who is not named sees what others with his roles see.
            if !reduced.named().any(|user| user == member.user) {
                let other = Standing { user: UserId::new(99).unwrap(), ..member.clone() };
                prop_assert_eq!(reduced.sight(&member), reduced.sight(&other));
            }
        }
    }

    #[test]
    fn a_change_of_another_membership_is_passed_over() {
        let user = UserId::new(7).unwrap();
        let role = RoleId::new(3).unwrap();
        let mut standing = Standing {
            user,
            roles: Vec::new(),
            since: 20,
            changed: 0,
        };
        let change = |since| Change::Roles {
            user,
            since,
            before: Vec::new(),
            after: vec![role],
        };
        standing.apply(&change(10));
        assert!(standing.roles.is_empty());
        standing.apply(&change(20));
        assert_eq!(standing.roles, [role]);
    }
}
