//! Notifications: what an account wants to be told of, and why it was told of a message or not.

use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice, ClosedSet};

use super::{
    macros::family,
    register::{Key, RegisterKind, Write, WriteRegister},
};
use crate::{
    domain::notification::{
        LevelScope, LevelSetting, NotificationLevel, NotificationReason, NotificationRule,
    },
    ids::{AnyId, ChannelId, MessageId},
};

family! {
    commands: SetNotificationLevel, SetNotifications;
    queries: ListNotificationLevels, GetNotifications, ExplainNotification;
    events: NotificationLevelChanged, NotificationsUpdated;
}

/// Sets what the account wants to be told of in all servers, in a server, in the channels of a category, or in a channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[register(976, notification_level_set, reply = LevelState, access = Account, limit = Register)]
pub struct SetNotificationLevel {
    /// The server, category or channel; none for all servers.
    pub scope_id: Option<AnyId>,
    /// What to be told of; none is as the wider scope says, and mentions where none says it. Of all messages in all
    /// servers only those with up to 1,000 members tell: in larger ones it is asked for in the server.
    pub level: Option<NotificationLevel>,
    /// Until when nothing is told, in milliseconds since 1970, kept to the second.
    pub muted_until: Option<u64>,
    /// Whether calls of everyone do not count; heeded for servers.
    pub no_everyone: bool,
    /// The version of the setting that this client saw, 0 if it saw none; refused as `moved` if it is another one now.
    pub seen: u64,
}

/// What an account wants to be told of somewhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct LevelState {
    /// The server, category or channel; none for all servers.
    pub scope_id: Option<AnyId>,
    /// What to be told of; none is as the wider scope says.
    pub level: Option<NotificationLevel>,
    /// Until when nothing is told, in milliseconds since 1970.
    pub muted_until: Option<u64>,
    /// Whether calls of everyone do not count.
    pub no_everyone: bool,
    /// The register version that its last change made.
    pub version: u64,
}

/// What the account wants to be told of somewhere was changed, on this device or another. Has no `seq`: its place is the register version.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(976, notification_level_changed)]
pub struct NotificationLevelChanged {
    /// How it is now.
    pub level: LevelState,
}

/// Shows what the account set for servers, categories and channels, page by page; whether it still sees them or not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(3008, notification_levels_get, reply = LevelPage, access = Account, limit = Read)]
pub struct ListNotificationLevels {
    /// Only settings that were changed after this register version.
    #[serde(default)]
    pub newer_than: Option<u64>,
    /// Goes on behind the page whose `next` this was.
    #[serde(default)]
    pub after: Option<AnyId>,
    /// Settings of one page besides that of all servers, at most 200; 200 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of settings: that of all servers, then by scope.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct LevelPage {
    /// The settings.
    pub levels: Vec<LevelState>,
    /// The account's register version. That of the first page counts: what was changed up to there is in the pages.
    pub version: u64,
    /// The `after` of the next page; none behind the last one.
    pub next: Option<AnyId>,
}

/// Hours of each day in which nothing is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct QuietHours {
    /// The minute of the day at which they begin, up to 1,439.
    pub from: u32,
    /// The minute of the day at which they end, of the next day where it is the lower one.
    pub to: u32,
    /// Where the clock stands that counts: a zone of the IANA database, such as `Europe/Berlin`.
    pub zone: String,
}

/// Sets how the account is told, in place of what it was.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(977, notification_settings_set, reply = NotificationsSet, access = Account, limit = Write)]
pub struct SetNotifications {
    /// The idempotency key.
    pub nonce: String,
    /// When nothing is told; none for never.
    pub quiet: Option<QuietHours>,
    /// Words that call upon the account wherever it may read them: up to 20, of up to 64 characters, each a word or
    /// several that follow each other.
    pub keywords: Vec<String>,
    /// Whether devices are told that there is something, and not what.
    pub private: bool,
}

/// Which change of the settings it was. They are not in it: replies are kept for a while, and keywords are personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct NotificationsSet {
    /// Rises with each change.
    pub version: u64,
}

/// The account changed how it is told, on this device or another: what it is now, `notification_settings_get` shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(977, notification_settings_updated)]
pub struct NotificationsUpdated {
    /// Which change it was.
    pub version: u64,
}

/// Shows how the account is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(3009, notification_settings_get, reply = Notifications, access = Account, limit = Read)]
pub struct GetNotifications {}

/// How an account is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Notifications {
    /// When nothing is told; none for never.
    pub quiet: Option<QuietHours>,
    /// Words that call upon it.
    pub keywords: Vec<String>,
    /// Whether devices are told that there is something, and not what.
    pub private: bool,
    /// Rises with each change; 0 before the first one.
    pub version: u64,
}

/// Shows whether the account would be told of a message, why, and what became of it: by the very rules that decide it, as
/// they are now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(3010, notification_explain, reply = NotificationExplained, access = Channel(READ_HISTORY), limit = Read)]
pub struct ExplainNotification {
    /// Where the message is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
}

/// What became of telling an account of a message. Numbers are in the database and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Choice, ClosedSet)]
pub enum NotificationState {
    /// It waits: somebody who is there may read it meanwhile.
    #[default]
    Waiting = 0,
    /// Pushes were left for its devices; whether they arrived this does not say.
    Told = 1,
    /// It was read before.
    Read = 2,
    /// Something else had become of it: it was deleted, or a rule did not hold any more.
    Withdrawn = 3,
    /// There was no device that could be told.
    NoDevice = 4,
    /// It failed too often.
    Failed = 5,
}

/// Why an account is told of a message, or not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct NotificationExplained {
    /// Why it would be told now; none where it would not.
    pub reason: Option<NotificationReason>,
    /// The rules in the order in which they were asked; the last one decided.
    pub steps: Vec<NotificationStep>,
    /// What became of it when the message came; none where nobody was to be told, or it is forgotten by now.
    pub state: Option<NotificationState>,
}

/// A rule that was asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct NotificationStep {
    /// The rule.
    pub rule: NotificationRule,
    /// The scope whose setting decided it; none where no setting does.
    pub scope: Option<LevelScope>,
    /// Whether it held.
    pub holds: bool,
}

impl LevelState {
    /// How a setting stands in the register of a scope.
    pub fn new(scope_id: Option<AnyId>, setting: LevelSetting, version: u64) -> Self {
        Self {
            scope_id,
            level: setting.level,
            muted_until: setting.muted_until,
            no_everyone: setting.no_everyone,
            version,
        }
    }
}

impl SetNotificationLevel {
    /// What it sets.
    pub const fn setting(&self) -> LevelSetting {
        LevelSetting {
            level: self.level,
            muted_until: self.muted_until,
            no_everyone: self.no_everyone,
        }
    }
}

impl WriteRegister for SetNotificationLevel {
    fn key(&self) -> Key {
        Key {
            kind: RegisterKind::NotificationLevel,
            of: self.scope_id.map_or(0, AnyId::get),
        }
    }

    fn write(&self) -> Write {
        Write::Last {
            value: self.setting().pack(),
            seen: self.seen,
        }
    }
}
