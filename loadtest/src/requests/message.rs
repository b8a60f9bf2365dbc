//! Requests of messages, and of what is put to them.

use shared::{
    ids::{ChannelId, MessageId},
    protocol::{
        message::{
            AddReaction, DeleteMessage, DeleteMessages, EditMessage, GetMessage, GetMessages,
            ListPins, ListReactors, NewMessage, PinMessage, RemoveReaction, UnpinMessage,
        },
        search::SearchMessages,
    },
};

use super::PAGE;
use crate::random::nonce;

/// Sends a message that replies to none.
pub fn send_message(channel_id: ChannelId, content: impl Into<String>) -> NewMessage {
    NewMessage {
        nonce: nonce(),
        channel_id,
        content: content.into(),
        reply_to: None,
        silent_reply: false,
    }
}

/// Changes the text of a message.
pub fn edit_message(channel_id: ChannelId, message_id: MessageId, content: &str) -> EditMessage {
    EditMessage {
        nonce: nonce(),
        channel_id,
        message_id,
        content: content.to_owned(),
    }
}

/// Deletes a message.
pub fn delete_message(channel_id: ChannelId, message_id: MessageId) -> DeleteMessage {
    DeleteMessage {
        nonce: nonce(),
        channel_id,
        message_id,
    }
}

/// Deletes several messages at once.
pub fn delete_messages(channel_id: ChannelId, message_ids: Vec<MessageId>) -> DeleteMessages {
    DeleteMessages {
        nonce: nonce(),
        channel_id,
        message_ids,
    }
}

/// Pins a message.
pub fn pin_message(channel_id: ChannelId, message_id: MessageId) -> PinMessage {
    PinMessage {
        nonce: nonce(),
        channel_id,
        message_id,
    }
}

/// Unpins a message.
pub fn unpin_message(channel_id: ChannelId, message_id: MessageId) -> UnpinMessage {
    UnpinMessage {
        nonce: nonce(),
        channel_id,
        message_id,
    }
}

/// Reads the last [`PAGE`] pins of a channel.
pub const fn list_pins(channel_id: ChannelId) -> ListPins {
    ListPins {
        channel_id,
        before: None,
        limit: Some(PAGE),
    }
}

/// Reacts to a message.
pub fn add_reaction(channel_id: ChannelId, message_id: MessageId, emoji: &str) -> AddReaction {
    AddReaction {
        nonce: nonce(),
        channel_id,
        message_id,
        emoji: emoji.to_owned(),
    }
}

/// Takes one's own reaction back.
pub fn remove_reaction(
    channel_id: ChannelId,
    message_id: MessageId,
    emoji: &str,
) -> RemoveReaction {
    RemoveReaction {
        nonce: nonce(),
        channel_id,
        message_id,
        emoji: emoji.to_owned(),
        user_id: None,
    }
}

/// Reads the first [`PAGE`] of those who reacted.
pub fn list_reactors(channel_id: ChannelId, message_id: MessageId, emoji: &str) -> ListReactors {
    ListReactors {
        channel_id,
        message_id,
        emoji: emoji.to_owned(),
        after: None,
        limit: Some(PAGE),
    }
}

/// Reads one message.
pub const fn get_message(channel_id: ChannelId, message_id: MessageId) -> GetMessage {
    GetMessage {
        channel_id,
        message_id,
    }
}

/// Reads the last [`PAGE`] messages of a channel.
pub const fn get_messages(channel_id: ChannelId) -> GetMessages {
    GetMessages {
        channel_id,
        before: None,
        after: None,
        limit: Some(PAGE),
    }
}

/// Looks for messages, from the newest on.
pub fn search_messages(query: &str) -> SearchMessages {
    SearchMessages {
        query: query.to_owned(),
        filter: None,
        before: None,
        limit: None,
    }
}
