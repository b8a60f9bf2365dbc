//! Unread: how much of each channel the account has not read.

mod count;
mod mention;

use shared::{
    domain::{limits::MAX_PAGE, permissions::Permissions},
    ids::ChannelId,
    protocol::{
        Handler,
        unread::{GetUnreads, Unread, Unreads},
    },
};

use super::{context::QueryContext, page_limit, permitted::list_permitted};
use crate::{
    error::Error,
    store::read::{self, unread::CursorPage},
};

impl Handler<QueryContext> for GetUnreads {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Unreads, Error> {
        let user = ctx.caller()?.user;
        let page = CursorPage {
            newer_than: self.newer_than.unwrap_or_default(),
            after: self.after,
            limit: page_limit(self.limit, MAX_PAGE)?,
        };
        let snapshot = ctx.snapshot().await?;
        let version = read::unread::register_version(snapshot, user).await?;
        if page.newer_than >= version {
            return Ok(Unreads {
                unreads: Vec::new(),
                version,
                next: None,
            });
        }
        let (mut unreads, next) = read::unread::list_unreads(snapshot, user, page).await?;
        let memberships = read::server::list_memberships(snapshot, user).await?;
        let channel = |unread: &Unread| unread.cursor.channel_id;
        let channels: Vec<ChannelId> = unreads.iter().map(channel).collect();
        let seen = Permissions::VIEW_CHANNEL;
        let visible = list_permitted(snapshot, &memberships, &channels, seen).await?;
        unreads.retain(|unread| visible.contains_key(&channel(unread)));
        Ok(Unreads {
            unreads,
            version,
            next,
        })
    }
}
