//! Typing: tells a channel that somebody writes.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::ids::{ChannelId, UserId};

family! {
    commands: SignalTyping;
    events: TypingStarted;
}

/// Tells the channel that the member is typing, for the next 8 seconds; one that has no messages
/// refuses it as `wrong_kind`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[signal(48, typing, access = Channel(SEND_MESSAGES), limit = Signal)]
pub struct SignalTyping {
    /// Where.
    pub channel_id: ChannelId,
}

/// A member is typing. Not stored, `seq` is 0, and dropped first under pressure.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(48, typing_started)]
pub struct TypingStarted {
    /// Where.
    pub channel_id: ChannelId,
    /// Who.
    pub user_id: UserId,
}
