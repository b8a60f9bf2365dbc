//! Messages: send, edit, delete, read.

use super::macros::family;
use crate::{
    ids::{ChannelId, MessageId, UserId},
    wire::bodies,
};

family! {
    commands {
        /// Sends a message to a channel.
        16 message_new: NewMessage -> MessageSent, [needs SEND_MESSAGES in channel], limited by Send;
        /// Changes one's own message.
        17 message_edit: EditMessage -> (), [needs SEND_MESSAGES in channel], limited by Send;
        /// Deletes one's own message, or with `MANAGE_MESSAGES` any.
        18 message_delete: DeleteMessage -> (), [needs VIEW_CHANNEL in channel], limited by Write;
    }
    queries {
        /// Shows one message.
        2048 message_get: GetMessage -> Message, [needs READ_HISTORY in channel], limited by Read;
        /// Shows a page of history, oldest first.
        2049 messages_get: GetMessages -> Messages, [needs READ_HISTORY in channel], limited by Read;
    }
    events {
        /// A message was sent.
        16 message_created: MessageCreated;
        /// A message was changed.
        17 message_edited: MessageEdited;
        /// A message was deleted.
        18 message_deleted: MessageDeleted;
    }
}

bodies! {
    /// Sends a message.
    NewMessage {
        /// The idempotency key.
        nonce: String,
        /// Where it goes.
        channel_id: ChannelId,
        /// Up to 2,000 characters.
        content: String,
        /// The message of the same channel that it answers.
        reply_to: Option<MessageId> = default,
    }
    /// A message was stored.
    MessageSent {
        /// The message; its id tells when it was sent.
        message_id: MessageId,
        /// Its place in the channel, from 1 without holes.
        seq: u64,
    }
    /// A message.
    Message {
        /// The message; its id tells when it was sent.
        message_id: MessageId,
        /// Its place in the channel, from 1 without holes.
        seq: u64,
        /// Who sent it.
        author_id: UserId,
        /// What it says.
        content: String,
        /// The message that it answers.
        reply_to: Option<MessageId>,
        /// When it was last changed, in milliseconds since 1970.
        edited_at: Option<u64>,
    }
    /// A message was sent.
    MessageCreated {
        /// Where.
        channel_id: ChannelId,
        /// The message.
        message: Message,
    }
    /// Changes a message.
    EditMessage {
        /// The idempotency key.
        nonce: String,
        /// Where it is.
        channel_id: ChannelId,
        /// The message.
        message_id: MessageId,
        /// What it is to say.
        content: String,
    }
    /// A message was changed.
    MessageEdited {
        /// Where it is.
        channel_id: ChannelId,
        /// The message.
        message_id: MessageId,
        /// What it says now.
        content: String,
        /// When, in milliseconds since 1970.
        edited_at: u64,
    }
    /// Deletes a message.
    DeleteMessage {
        /// The idempotency key.
        nonce: String,
        /// Where it is.
        channel_id: ChannelId,
        /// The message.
        message_id: MessageId,
    }
    /// A message was deleted.
    MessageDeleted {
        /// Where it was.
        channel_id: ChannelId,
        /// The message.
        message_id: MessageId,
    }
    /// Asks for one message.
    GetMessage {
        /// Where it is.
        channel_id: ChannelId,
        /// The message.
        message_id: MessageId,
    }
    /// Asks for a page of history: the last messages, or those next to a place.
    GetMessages {
        /// Where.
        channel_id: ChannelId,
        /// Only messages with a lower `seq`, the nearest ones.
        before: Option<u64> = default,
        /// Only messages with a higher `seq`, the nearest ones.
        after: Option<u64> = default,
        /// At most 200; 50 when absent. A page ends before that where its texts would be more
        /// than 256 KiB.
        limit: Option<u32> = default,
    }
    /// A page of history, oldest first; deleted messages leave a hole in `seq`.
    Messages {
        /// The messages.
        messages: Vec<Message>,
        /// Whether the page ended because of its size: more follow in the same direction.
        more: bool = default,
    }
}
