//! How much is unread, server by server.

use std::collections::BTreeMap;

use shared::{
    domain::{
        limits::{MAX_COUNTED_MENTIONS, MAX_OVERVIEWS},
        permissions::Permissions,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, ServerId},
    protocol::{
        Handler,
        unread::{CountUnreads, ServerUnread, UnreadCounts},
    },
};

use super::mention::Inbox;
use crate::{
    error::Error,
    queries::{context::QueryContext, permitted::list_permitted},
    store::read,
};

impl Handler<QueryContext> for CountUnreads {
    async fn handle(self, ctx: &mut QueryContext) -> Result<UnreadCounts, Error> {
        let limit = self.limit.map_or(MAX_OVERVIEWS, |limit| limit as usize);
        if !(1..=MAX_OVERVIEWS).contains(&limit) {
            return Err(Refusal::field(Reason::Invalid, "limit").into());
        }
        let user = ctx.caller()?.user;
        let snapshot = ctx.snapshot().await?;
        // They come by id.
        let mut page = read::server::list_memberships(snapshot, user).await?;
        page.retain(|(server, _)| Some(server.server_id) > self.after);
        let more_servers = page.len() > limit;
        page.truncate(limit);
        let servers: Vec<ServerId> = page.iter().map(|(server, _)| server.server_id).collect();
        let next = servers.last().copied().filter(|_| more_servers);

        let unread = read::mention::list_unread_channels(snapshot, user, &servers).await?;
        let channels: Vec<ChannelId> = unread.iter().map(|it| it.channel).collect();
        let seen = Permissions::VIEW_CHANNEL;
        let visible = list_permitted(snapshot, &page, &channels, seen).await?;
        let (inbox, more) =
            Inbox::list(snapshot, (user, &page), None, MAX_COUNTED_MENTIONS).await?;

        let mut counts: BTreeMap<ServerId, ServerUnread> = BTreeMap::new();
        let none = |server_id| ServerUnread {
            server_id,
            channels: 0,
            messages: 0,
            mentions: 0,
        };
        for it in unread {
            if let Some(server) = visible.get(&it.channel) {
                let count = counts.entry(*server).or_insert_with(|| none(*server));
                count.channels += 1;
                count.messages += it.unread;
            }
        }
        for (server, mentions) in inbox.count_unread() {
            let count = counts.entry(server).or_insert_with(|| none(server));
            count.mentions = mentions;
        }
        Ok(UnreadCounts {
            servers: counts.into_values().collect(),
            more_mentions: more.is_some(),
            next,
        })
    }
}
