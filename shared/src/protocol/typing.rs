//! Typing: tells a channel that somebody writes.

use super::macros::family;
use crate::{
    ids::{ChannelId, UserId},
    wire::bodies,
};

family! {
    signals {
        /// Tells the channel that the member is typing, for the next 8 seconds.
        48 typing: SignalTyping -> (), [needs SEND_MESSAGES in channel], limited by Signal;
    }
    events {
        /// A member is typing. Not stored, `seq` is 0, and dropped first under pressure.
        48 typing_started: TypingStarted;
    }
}

bodies! {
    /// Tells a channel that the member is typing.
    SignalTyping {
        /// Where.
        channel_id: ChannelId,
    }
    /// A member is typing.
    TypingStarted {
        /// Where.
        channel_id: ChannelId,
        /// Who.
        user_id: UserId,
    }
}
