//! Requests of notifications.

use shared::{
    domain::notification::NotificationLevel,
    ids::{AnyId, ChannelId, MessageId},
    protocol::notification::{ExplainNotification, SetNotificationLevel, SetNotifications},
};

use crate::random::nonce;

/// Sets what to be told of somewhere, none being all servers; `seen` is the version that was seen.
pub const fn set_level(
    scope_id: Option<AnyId>,
    level: Option<NotificationLevel>,
    seen: u64,
) -> SetNotificationLevel {
    SetNotificationLevel {
        scope_id,
        level,
        muted_until: None,
        no_everyone: false,
        seen,
    }
}

/// Sets words that call upon somebody, and nothing else.
pub fn set_keywords(keywords: &[&str]) -> SetNotifications {
    SetNotifications {
        nonce: nonce(),
        quiet: None,
        keywords: keywords.iter().map(|&word| word.to_owned()).collect(),
        private: false,
    }
}

/// Asks why somebody is told of a message.
pub const fn explain(channel_id: ChannelId, message_id: MessageId) -> ExplainNotification {
    ExplainNotification {
        channel_id,
        message_id,
    }
}
