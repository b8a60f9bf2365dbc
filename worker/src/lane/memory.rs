//! What a lane remembers of its servers.
//!
//! A lane is the only writer of its servers, so what it loaded stays true as
//! long as it owns them. A batch changes this memory as it goes; nobody else
//! reads it. When the batch does not commit, all of it is dropped and loaded
//! anew: no rule ever runs on what never happened.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use shared::{
    domain::{
        limits::MAX_ANNOUNCED,
        permissions::{Standing, Structure},
    },
    ids::{ChannelId, MessageId, Partition, ServerId, UserId},
    protocol::{
        channel::Channel,
        server::{Role, Server, ServerInfo},
    },
};

use crate::context::Audience;

/// Members remembered per lane, at most: 100,000 of about 100 bytes.
const MAX_MEMBERS: usize = 100_000;
/// Servers remembered per lane, at most.
const MAX_SERVERS: usize = 10_000;

/// One server.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) name: String,
    /// The `seq` of the last event of its topic.
    pub(crate) head: u64,
    /// The `seq` of the last event that changed the structure.
    pub(crate) rights_version: u64,
    /// How many members there are.
    pub(crate) member_count: u32,
    pub(crate) structure: Structure,
    pub(crate) roles: Vec<Role>,
    pub(crate) channels: BTreeMap<ChannelId, ChannelState>,
    /// Members on first use; `None` remembers that somebody is none.
    pub(crate) members: BTreeMap<UserId, Option<Standing>>,
}

/// One channel, without its overrides, which are in the structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelState {
    pub(crate) name: String,
    pub(crate) topic: String,
    pub(crate) position: u32,
    pub(crate) last_seq: u64,
    pub(crate) last_message: Option<MessageId>,
}

impl ServerState {
    /// The server as others see it.
    pub(crate) fn server(&self) -> Server {
        Server {
            server_id: self.structure.server,
            name: self.name.clone(),
            owner_id: self.structure.owner,
        }
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
        })
    }

    /// The server as one member sees it.
    pub(crate) fn info(&self, member: &Standing) -> ServerInfo {
        let visible = self.structure.view(member);
        let mut channels: Vec<Channel> =
            visible.keys().filter_map(|id| self.channel(*id)).collect();
        channels.sort_by_key(|channel| (channel.position, channel.channel_id));
        ServerInfo {
            server: self.server(),
            roles: self.roles.clone(),
            channels,
        }
    }
}

/// The servers of a lane.
#[derive(Debug)]
pub(crate) struct Memory {
    servers: HashMap<ServerId, ServerState>,
    members: usize,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            servers: HashMap::new(),
            members: 0,
        }
    }

    pub(crate) fn get(&self, id: ServerId) -> Option<&ServerState> {
        self.servers.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ServerId) -> Option<&mut ServerState> {
        self.servers.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, state: ServerState) {
        self.servers.insert(state.structure.server, state);
    }

    /// Remembers who is a member and who is not.
    pub(crate) fn remember(&mut self, server: ServerId, user: UserId, standing: Option<Standing>) {
        if let Some(state) = self.servers.get_mut(&server)
            && state.members.insert(user, standing).is_none()
        {
            self.members += 1;
        }
    }

    /// Forgets everything: the batch did not commit, or the lock is gone.
    pub(crate) fn clear(&mut self) {
        self.servers.clear();
        self.members = 0;
    }

    /// Forgets a partition that another lane may write from now on.
    pub(crate) fn forget(&mut self, partition: Partition) {
        self.servers.retain(|id, _| id.partition() != partition);
        self.members = self.servers.values().map(|state| state.members.len()).sum();
    }

    /// Keeps the bounds, between batches. What is dropped is loaded again on use.
    pub(crate) fn shrink(&mut self) {
        if self.servers.len() > MAX_SERVERS {
            self.clear();
        } else if self.members > MAX_MEMBERS {
            self.servers
                .values_mut()
                .for_each(|state| state.members.clear());
            self.members = 0;
        }
    }
}
