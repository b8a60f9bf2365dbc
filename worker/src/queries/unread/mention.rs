//! The mention inbox: who or what called upon the account, in all its servers.

use std::collections::BTreeMap;

use shared::{
    domain::{limits::MAX_COUNTED_MENTIONS, permissions::Permissions},
    ids::{ChannelId, MessageId, ServerId, UserId},
    protocol::{
        Handler,
        search::FoundMessage,
        unread::{ListMentions, MentionPage, MentioningMessage},
    },
};

use crate::{
    error::{Error, StoreError},
    queries::{
        context::QueryContext, page_limit, permitted::list_permitted, search::find_messages,
    },
    store::read::{
        self, Membership, Snapshot,
        mention::Mention,
        message::{PAGE_BYTES, fitting},
    },
};

/// Mentions of a page whose size the client does not name.
const DEFAULT_PAGE: u32 = 50;
/// Mentions that are read at once.
const MAX_BATCH: u32 = MAX_COUNTED_MENTIONS + 1;
/// Mentions that are looked at for one answer: some tens of milliseconds.
const MAX_LOOKED_AT: usize = 10_000;

impl Handler<QueryContext> for ListMentions {
    async fn handle(self, ctx: &mut QueryContext) -> Result<MentionPage, Error> {
        let user = ctx.caller()?.user;
        let limit = page_limit(self.limit, DEFAULT_PAGE)?;
        let snapshot = ctx.snapshot().await?;
        let memberships = read::server::list_memberships(snapshot, user).await?;
        let (inbox, mut next) =
            Inbox::list(snapshot, (user, &memberships), self.before, limit).await?;
        let mut messages = inbox.find_messages(snapshot, user).await?;
        let sizes = messages.iter().map(|it| it.message.content.len());
        let kept = fitting(sizes, PAGE_BYTES);
        if kept < messages.len() {
            messages.truncate(kept);
            next = messages.last().map(|last| last.message.message_id);
        }
        let shown = messages.into_iter().map(|it| MentioningMessage {
            read: inbox.is_read(it.message.message_id),
            server_id: it.server_id,
            channel_id: it.channel_id,
            message: it.message,
        });
        let mentions = shown.collect();
        Ok(MentionPage { mentions, next })
    }
}

/// The newest mentions that an account may open, and whether it has read them.
#[derive(Default)]
pub(super) struct Inbox {
    readable: Vec<(Mention, bool)>,
    servers: BTreeMap<ChannelId, ServerId>,
}

impl Inbox {
    /// The newest mentions below `before` in channels of these servers whose history the account
    /// may read, newest first, at most `limit`; and below which message it goes on, if it does.
    ///
    /// What the account may not read takes no place: an empty page, or one that ends at a hidden
    /// message, would tell that it is there. A page ends early, and at whatever message, only
    /// behind more hidden ones than are looked at for one answer.
    pub(super) async fn list(
        snapshot: &mut Snapshot,
        (user, memberships): (UserId, &[Membership]),
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<(Self, Option<MessageId>), StoreError> {
        let servers: Vec<ServerId> = memberships.iter().map(|(it, _)| it.server_id).collect();
        let targets = read::mention::list_targets(snapshot, user, &servers).await?;
        let (mut inbox, mut below, mut looked_at) = (Self::default(), before, 0);
        let mut batch = limit + 1;
        loop {
            let (found, more) =
                read::mention::list_newest(snapshot, &targets, below, batch).await?;
            looked_at += found.len();
            below = found.last().filter(|_| more).map(|last| last.message);
            inbox.add(snapshot, (user, memberships), found).await?;
            if inbox.readable.len() > limit as usize {
                inbox.readable.truncate(limit as usize);
                let next = inbox.readable.last().map(|(last, _)| last.message);
                return Ok((inbox, next));
            }
            if below.is_none() || looked_at >= MAX_LOOKED_AT {
                return Ok((inbox, below));
            }
            batch = (batch * 2).min(MAX_BATCH);
        }
    }

    /// Keeps the mentions in channels whose history the account may read, by the rights of this
    /// snapshot.
    async fn add(
        &mut self,
        snapshot: &mut Snapshot,
        (user, memberships): (UserId, &[Membership]),
        found: Vec<Mention>,
    ) -> Result<(), StoreError> {
        let mut channels: Vec<ChannelId> = found.iter().map(|it| it.channel).collect();
        channels.sort_unstable();
        channels.dedup();
        let needed = Permissions::VIEW_CHANNEL | Permissions::READ_HISTORY;
        let servers = list_permitted(snapshot, memberships, &channels, needed).await?;
        let cursors = read::mention::find_cursors(snapshot, user, &channels).await?;
        let joined = read::mention::list_joined(snapshot, user).await?;
        let readable = found.into_iter().filter_map(|it| {
            let server = servers.get(&it.channel)?;
            let is_read = cursors.get(&it.channel).is_some_and(|at| *at >= it.seq);
            let is_older = joined
                .get(server)
                .is_some_and(|at| it.message.created_ms() < *at);
            Some((it, is_read || is_older))
        });
        self.readable.extend(readable);
        self.servers.extend(servers);
        Ok(())
    }

    /// The messages, as far as they are still there, newest first.
    async fn find_messages(
        &self,
        snapshot: &mut Snapshot,
        reader: UserId,
    ) -> Result<Vec<FoundMessage>, StoreError> {
        let places = self.readable.iter().map(|(it, _)| (it.channel, it.message));
        let places: Vec<(ChannelId, MessageId)> = places.collect();
        find_messages(snapshot, reader, &places, &self.servers).await
    }

    fn is_read(&self, message: MessageId) -> bool {
        let mut all = self.readable.iter();
        all.any(|(it, is_read)| *is_read && it.message == message)
    }

    /// How many are not read, by server.
    pub(super) fn count_unread(&self) -> BTreeMap<ServerId, u32> {
        let mut counts = BTreeMap::new();
        for (mention, _) in self.readable.iter().filter(|(_, is_read)| !is_read) {
            if let Some(server) = self.servers.get(&mention.channel) {
                *counts.entry(*server).or_default() += 1;
            }
        }
        counts
    }
}
