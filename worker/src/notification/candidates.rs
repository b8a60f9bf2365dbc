//! Who may be told of a message, besides those whom it names: found by index, page by page.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{ChannelId, MessageId, RoleId, ServerId, UserId};

use super::facts::{SaidMessage, distinct};
use crate::{
    error::StoreError,
    store::read::{self, Snapshot, notification::AccountPage},
};

/// Where accounts are found that may be told of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AudienceSource {
    /// The message as a whole, from the beginning: where a page of the log could not be planned.
    Message,
    /// All members.
    Everyone,
    /// Those who hold a role that it names.
    Roles,
    /// Those who have a keyword.
    Keywords,
    /// Those who want to be told of all that is said in a server, a category or a channel; 0 is all servers.
    Watchers(u64),
}

/// What is left to do of a message: its place, the source, and behind which account it goes on.
pub(crate) type Rest = (ServerId, ChannelId, MessageId, (u8, u64), Option<UserId>);

impl AudienceSource {
    /// As a job keeps it.
    pub(super) const fn pack(self) -> (u8, u64) {
        match self {
            Self::Message => (0, 0),
            Self::Everyone => (1, 0),
            Self::Roles => (2, 0),
            Self::Keywords => (3, 0),
            Self::Watchers(scope) => (4, scope),
        }
    }

    /// What a job keeps; none that only a newer program knows.
    pub(super) fn unpack(packed: (u8, u64)) -> Option<Self> {
        Some(match packed {
            (0, _) => Self::Message,
            (1, _) => Self::Everyone,
            (2, _) => Self::Roles,
            (3, _) => Self::Keywords,
            (4, scope) => Self::Watchers(scope),
            _ => return None,
        })
    }
}

/// What decides which sources messages have: asked for all of them at once.
#[derive(Debug, Default)]
pub(super) struct Sources {
    parents: BTreeMap<ChannelId, u64>,
    watched: BTreeSet<u64>,
    keywords: BTreeSet<String>,
    roles: read::server::Roles,
}

impl Sources {
    pub(super) async fn read(
        snapshot: &mut Snapshot,
        said: &[SaidMessage],
    ) -> Result<Self, StoreError> {
        let channels = distinct(said.iter().map(|said| said.channel));
        let parents = read::notification::find_parents(snapshot, &channels).await?;
        let places = said
            .iter()
            .flat_map(|said| [0, said.server.get(), said.channel.get()]);
        let scopes = distinct(places.chain(parents.values().copied()));
        let watched = read::notification::find_watched(snapshot, &scopes).await?;
        let words = distinct(said.iter().flat_map(|said| said.words().iter().cloned()));
        let keywords = read::notification::find_keywords(snapshot, &words).await?;
        let calling = said.iter().filter(|said| !said.message.mentions.is_empty());
        let servers = distinct(calling.map(|said| said.server));
        let roles = read::server::list_roles(snapshot, &servers).await?;
        Ok(Self {
            parents,
            watched,
            keywords,
            roles,
        })
    }

    /// Where those are found who may be told of a message.
    pub(super) fn sources(&self, said: &SaidMessage) -> Vec<AudienceSource> {
        let mut sources = Vec::new();
        if said.calls_everyone() {
            sources.push(AudienceSource::Everyone);
        }
        let roles = self.roles.get(&said.server).into_iter().flatten();
        let mut roles = roles.filter(|role| role.role_id.get() != said.server.get());
        if roles.any(|role| said.message.mentions.contains(&role.role_id.cast())) {
            sources.push(AudienceSource::Roles);
        }
        if said.words().iter().any(|word| self.keywords.contains(word)) {
            sources.push(AudienceSource::Keywords);
        }
        let parent = self.parents.get(&said.channel).copied().unwrap_or_default();
        let scopes = distinct([0, said.server.get(), parent, said.channel.get()]);
        let watched = scopes
            .into_iter()
            .filter(|scope| self.watched.contains(scope));
        sources.extend(watched.map(AudienceSource::Watchers));
        sources
    }
}

/// What a message mentions, as roles: what of it is an account nobody holds.
fn named_roles(said: &SaidMessage) -> Vec<RoleId> {
    said.message.mentions.iter().map(|id| id.cast()).collect()
}

/// A page of those whom a source has for a message: mostly members with a device.
pub(super) async fn list_candidates(
    snapshot: &mut Snapshot,
    said: &SaidMessage,
    source: AudienceSource,
    after: Option<UserId>,
) -> Result<AccountPage, StoreError> {
    let server = said.server;
    match source {
        AudienceSource::Message => Ok((Vec::new(), None)),
        AudienceSource::Everyone => {
            read::notification::list_members(snapshot, server, None, after).await
        }
        AudienceSource::Roles => {
            let named = named_roles(said);
            if after.is_none()
                && let Some(holders) =
                    read::notification::list_holders(snapshot, server, &named).await?
            {
                return Ok((holders, None));
            }
            read::notification::list_members(snapshot, server, Some(&named), after).await
        }
        AudienceSource::Keywords => {
            let words = distinct(said.words().iter().cloned());
            read::notification::list_keyword_owners(snapshot, server, &words, after).await
        }
        AudienceSource::Watchers(0) => {
            let found = read::notification::list_general_watchers(snapshot, server).await?;
            Ok((found, None))
        }
        AudienceSource::Watchers(scope) => {
            read::notification::list_watchers(snapshot, (server, scope), after).await
        }
    }
}
