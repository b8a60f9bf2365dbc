//! Notifications: what somebody wants to be told of, and what he is told.

mod settings;
mod telling;

use anyhow::Result;
use loadtest::harness::Person;
use shared::{
    domain::notification::NotificationRule,
    ids::{ChannelId, MessageId},
    protocol::notification::NotificationExplained,
};

/// Why somebody is told of a message, or not.
async fn explained(
    person: &Person,
    (channel, message): (ChannelId, MessageId),
) -> Result<NotificationExplained> {
    let explain = loadtest::requests::explain(channel, message);
    Ok(person.call(&explain).await?)
}

/// The rule that decided.
fn last_rule(explained: &NotificationExplained) -> Option<NotificationRule> {
    explained.steps.last().map(|step| step.rule)
}
