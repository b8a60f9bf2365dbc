//! Notifications: what the account wants to be told of.
//!
//! Whether it may read what it names is asked when something is told, not here: its lane does not have the servers.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use shared::{
    domain::{
        limits::MAX_KEYWORDS,
        notification::{LevelSetting, NotificationLevel, check_hours, parse_keyword},
    },
    error::{Reason, Refusal},
    protocol::{
        Handler,
        notification::{
            LevelState, NotificationLevelChanged, NotificationsSet, NotificationsUpdated,
            QuietHours, SetNotificationLevel, SetNotifications,
        },
    },
};

use crate::{error::Error, store::write, transaction::Context};

impl Handler<Context<'_>> for SetNotificationLevel {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<LevelState, Error> {
        let user = ctx.caller()?.user;
        let watches = self.level == Some(NotificationLevel::All);
        let scope = (user, self.scope_id);
        // Each message asks for those who watch: nobody is found there who never belonged to it.
        if watches && !write::notification::may_watch(ctx.read().await?, scope).await? {
            return Err(Refusal::field(Reason::UnknownItem, "scope_id").into());
        }
        let (register, changed) = ctx.write_register(&self)?;
        let setting = LevelSetting::unpack(register.value);
        let level = LevelState::new(self.scope_id, setting, register.version);
        if changed {
            let mut writes = ctx.write().await?;
            write::notification::set_watcher(&mut writes, scope, watches).await?;
            let level = level.clone();
            ctx.notify_devices(&NotificationLevelChanged { level })?;
        }
        Ok(level)
    }
}

impl Handler<Context<'_>> for SetNotifications {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<NotificationsSet, Error> {
        let user = ctx.caller()?.user;
        ctx.require(self.keywords.len() <= MAX_KEYWORDS, Reason::LimitReached)?;
        if let Some(quiet) = &self.quiet {
            check_quiet(quiet)?;
        }
        let mut first_words = BTreeSet::new();
        for keyword in &self.keywords {
            first_words.extend(parse_keyword(keyword)?.into_iter().next());
        }
        let first_words: Vec<String> = first_words.into_iter().collect();
        let mut writes = ctx.write().await?;
        let version = write::notification::set_settings(&mut writes, user, &self).await?;
        let version = version.ok_or(Reason::Unauthenticated)?;
        write::notification::replace_keywords(&mut writes, user, &first_words).await?;
        ctx.emit_to(user, None, &NotificationsUpdated { version });
        Ok(NotificationsSet { version })
    }
}

fn check_quiet(quiet: &QuietHours) -> Result<(), Refusal> {
    let minute = |minute: u32| u16::try_from(minute).unwrap_or(u16::MAX);
    check_hours((minute(quiet.from), minute(quiet.to)))?;
    TimeZone::get(&quiet.zone).map_err(|_unknown| Refusal::field(Reason::Invalid, "zone"))?;
    Ok(())
}
