//! Notifications: what the account set, and why it was told of a message or not.

use shared::{
    domain::{limits::MAX_PAGE, notification::decide},
    error::Reason,
    protocol::{
        Handler,
        notification::{
            ExplainNotification, GetNotifications, LevelPage, ListNotificationLevels,
            NotificationExplained, NotificationStep, Notifications,
        },
    },
};

use super::{context::QueryContext, page_limit};
use crate::{
    error::Error,
    notification::{Gathered, SaidMessage},
    store::read,
};

impl Handler<QueryContext> for ListNotificationLevels {
    async fn handle(self, ctx: &mut QueryContext) -> Result<LevelPage, Error> {
        let user = ctx.caller()?.user;
        let limit = page_limit(self.limit, MAX_PAGE)?;
        let page = (self.newer_than.unwrap_or_default(), self.after, limit);
        let snapshot = ctx.snapshot().await?;
        let version = read::unread::register_version(snapshot, user).await?;
        let (levels, next) = read::notification::list_levels(snapshot, user, page).await?;
        Ok(LevelPage {
            levels,
            version,
            next,
        })
    }
}

impl Handler<QueryContext> for GetNotifications {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Notifications, Error> {
        let user = ctx.caller()?.user;
        let found = read::notification::find_settings(ctx.snapshot().await?, user).await?;
        Ok(found.unwrap_or(Notifications {
            quiet: None,
            keywords: Vec::new(),
            private: false,
            version: 0,
        }))
    }
}

impl Handler<QueryContext> for ExplainNotification {
    async fn handle(self, ctx: &mut QueryContext) -> Result<NotificationExplained, Error> {
        let user = ctx.caller()?.user;
        let now_ms = ctx.now_ms();
        let (server, _) = ctx.membership()?;
        let (channel, message) = (self.channel_id, self.message_id);
        let snapshot = ctx.snapshot().await?;
        let found = read::message::find_message(snapshot, channel, message).await?;
        let said = SaidMessage::new(
            server.server_id,
            channel,
            found.ok_or(Reason::UnknownMessage)?,
        );
        let gathered = Gathered::gather(snapshot, now_ms, &[(&said, user)]).await?;
        let has_device = read::push::is_told(snapshot, user).await?;
        let state = read::notification::find_state(snapshot, user, message).await?;
        let mut steps = Vec::new();
        let decided = decide(&gathered.facts(&said, user, has_device), |step| {
            steps.push(NotificationStep {
                rule: step.rule,
                scope: step.scope,
                holds: step.holds,
            });
        });
        Ok(NotificationExplained {
            reason: decided.ok(),
            steps,
            state,
        })
    }
}
