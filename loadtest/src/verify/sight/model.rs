//! Who sees what of a server, as the protocol's words have it: a naive fold of the
//! log, one event after the other. It shares no rule with the servers.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::permissions::{Override, Permissions, TargetKind},
    protocol::{
        self, Event,
        channel::{ChannelCreated, ChannelDeleted, ChannelUpdated},
        message::{MessageCreated, MessageDeleted, MessageEdited},
        server::{MemberJoined, MemberLeft},
    },
};

/// The bit that decides sight.
const VIEW: u64 = 1;
/// The bit that no override takes anything from.
const ADMINISTRATOR: u64 = 1 << 7;

/// What an event of a server says, as far as sight goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// A channel came.
    Created(u64, Vec<Override>),
    /// A channel changed.
    Changed(u64, Vec<Override>),
    /// A channel went.
    Deleted(u64),
    /// Something happened in a channel.
    Said(u64),
    /// Somebody became a member, with these roles.
    Joined(u64, BTreeSet<u64>),
    /// Somebody is no longer a member.
    Left(u64),
    /// Nothing that is known here.
    Unknown,
}

impl Fact {
    /// From a row of the log.
    pub(super) fn read(opcode: u16, body: &[u8]) -> Self {
        fn of<E: Event>(opcode: u16, body: &[u8]) -> Option<E> {
            (opcode == E::OPCODE).then(|| protocol::decode(body).ok())?
        }
        if let Some(ChannelCreated { channel }) = of(opcode, body) {
            Self::Created(channel.channel_id.get(), channel.overrides)
        } else if let Some(ChannelUpdated { channel }) = of(opcode, body) {
            Self::Changed(channel.channel_id.get(), channel.overrides)
        } else if let Some(ChannelDeleted { channel_id }) = of(opcode, body) {
            Self::Deleted(channel_id.get())
        } else if let Some(MessageCreated { channel_id, .. }) = of(opcode, body) {
            Self::Said(channel_id.get())
        } else if let Some(MessageEdited { channel_id, .. }) = of(opcode, body) {
            Self::Said(channel_id.get())
        } else if let Some(MessageDeleted { channel_id, .. }) = of(opcode, body) {
            Self::Said(channel_id.get())
        } else if let Some(MemberJoined { member }) = of(opcode, body) {
            let roles = member.roles.iter().map(|role| role.get()).collect();
            Self::Joined(member.user.user_id.get(), roles)
        } else if let Some(MemberLeft { user_id }) = of(opcode, body) {
            Self::Left(user_id.get())
        } else {
            Self::Unknown
        }
    }
}

/// A server as of one event.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    /// The server; the role of everyone has the same number.
    pub(super) id: u64,
    /// Who sees everything.
    pub(super) owner: u64,
    /// The bits of each role.
    pub(super) roles: BTreeMap<u64, u64>,
    /// The overrides of each channel.
    pub(super) channels: BTreeMap<u64, Vec<Override>>,
    /// The roles of each member.
    pub(super) members: BTreeMap<u64, BTreeSet<u64>>,
}

impl Server {
    /// Goes on by one event.
    pub(super) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Created(channel, overrides) | Fact::Changed(channel, overrides) => {
                self.channels.insert(*channel, overrides.clone());
            }
            Fact::Deleted(channel) => {
                self.channels.remove(channel);
            }
            Fact::Joined(user, roles) => {
                self.members.insert(*user, roles.clone());
            }
            Fact::Left(user) => {
                self.members.remove(user);
                // Who comes back finds nothing of what was given to him, and all that was denied.
                let his = |o: &Override| o.kind == TargetKind::Member && o.target == *user;
                for overrides in self.channels.values_mut() {
                    for own in overrides.iter_mut().filter(|o| his(o)) {
                        own.allow = Permissions::empty();
                    }
                    overrides.retain(|o| !his(o) || !o.deny.is_empty());
                }
            }
            Fact::Said(_) | Fact::Unknown => {}
        }
    }

    /// The channels that somebody sees.
    pub(super) fn seen_by(&self, user: u64) -> BTreeSet<u64> {
        let Some(roles) = self.members.get(&user) else {
            return BTreeSet::new();
        };
        let all = self.channels.iter();
        all.filter(|(_, overrides)| user == self.owner || self.shows(overrides, user, roles))
            .map(|(channel, _)| *channel)
            .collect()
    }

    fn shows(&self, overrides: &[Override], user: u64, roles: &BTreeSet<u64>) -> bool {
        let held = roles.iter().chain([&self.id]);
        let bits = held
            .filter_map(|role| self.roles.get(role))
            .fold(0, |sum, bits| sum | bits);
        if bits & ADMINISTRATOR != 0 {
            return true;
        }
        let mut sees = bits & VIEW != 0;
        // Everyone, then the roles held, then the member; within a rank, allow beats deny.
        for rank in 0..3 {
            let mut rules = overrides.iter().filter(|o| match o.kind {
                TargetKind::Role if o.target == self.id => rank == 0,
                TargetKind::Role => rank == 1 && roles.contains(&o.target),
                TargetKind::Member => rank == 2 && o.target == user,
            });
            if rules.clone().any(|o| o.allow.bits() & VIEW != 0) {
                sees = true;
            } else if rules.any(|o| o.deny.bits() & VIEW != 0) {
                sees = false;
            }
        }
        sees
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(kind: TargetKind, target: u64, shows: bool) -> Override {
        let (yes, no) = (Permissions::VIEW_CHANNEL, Permissions::empty());
        Override {
            kind,
            target,
            allow: if shows { yes } else { no },
            deny: if shows { no } else { yes },
        }
    }

    /// Owner 9, member 1 with the role 5, member 2 without, channel 7.
    fn server() -> Server {
        Server {
            id: 100,
            owner: 9,
            roles: [(100, VIEW), (5, 0), (6, ADMINISTRATOR)].into(),
            channels: [(7, Vec::new())].into(),
            members: [
                (9, [].into()),
                (1, [5].into()),
                (2, [].into()),
                (3, [6].into()),
            ]
            .into(),
        }
    }

    fn who(server: &Server) -> Vec<u64> {
        let sees = |user: &u64| server.seen_by(*user).contains(&7);
        [1, 2, 3, 4, 9].into_iter().filter(sees).collect()
    }

    #[test]
    fn ranks_and_those_above_them() {
        let mut server = server();
        assert_eq!(who(&server), [1, 2, 3, 9]);
        let hidden = over(TargetKind::Role, 100, false);
        server.apply(&Fact::Changed(7, vec![hidden.clone()]));
        assert_eq!(who(&server), [3, 9]);
        let shown = over(TargetKind::Role, 5, true);
        server.apply(&Fact::Changed(7, vec![shown.clone(), hidden.clone()]));
        assert_eq!(who(&server), [1, 3, 9]);
        let out = over(TargetKind::Member, 1, false);
        let named = over(TargetKind::Member, 2, true);
        server.apply(&Fact::Changed(7, vec![named, shown, hidden, out]));
        assert_eq!(who(&server), [2, 3, 9]);
        server.apply(&Fact::Deleted(7));
        assert!(who(&server).is_empty());
    }

    #[test]
    fn who_leaves_loses_what_was_given_to_him_and_not_what_was_denied() {
        let mut server = server();
        let hidden = over(TargetKind::Role, 100, false);
        let named = over(TargetKind::Member, 1, true);
        server.apply(&Fact::Changed(7, vec![named, hidden]));
        assert_eq!(who(&server), [1, 3, 9]);
        server.apply(&Fact::Left(1));
        server.apply(&Fact::Joined(1, BTreeSet::new()));
        assert_eq!(who(&server), [3, 9]);

        let out = over(TargetKind::Member, 2, false);
        server.apply(&Fact::Changed(7, vec![out]));
        server.apply(&Fact::Left(2));
        server.apply(&Fact::Joined(2, BTreeSet::new()));
        assert_eq!(who(&server), [1, 3, 9]);
    }
}
