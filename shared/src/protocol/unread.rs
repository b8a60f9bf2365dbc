//! Unread: how far an account has read each channel, and where it is mentioned.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::{
    macros::family,
    message::Message,
    register::{Key, RegisterKind, Write, WriteRegister},
};
use crate::ids::{ChannelId, MessageId, ServerId};

family! {
    commands: AckUnread, MarkUnread;
    queries: GetUnreads, CountUnreads, ListMentions;
    events: UnreadMoved;
}

/// Reads a channel up to a message; a place that lies before where the cursor stands changes nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[register(80, unreads_ack, reply = ReadCursor, access = Account, limit = Register)]
pub struct AckUnread {
    /// The channel; one that the account does not see is remembered and not shown.
    pub channel_id: ChannelId,
    /// The `seq` of the last message read; 0 is the beginning.
    pub seq: u64,
}

/// Puts the cursor of a channel anywhere, back as well: marks what follows as unread.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[register(81, mark_unread, reply = ReadCursor, access = Account, limit = Register)]
pub struct MarkUnread {
    /// The channel.
    pub channel_id: ChannelId,
    /// The `seq` of the last message that counts as read.
    pub seq: u64,
    /// The version of the cursor that this client saw, 0 if it saw none; refused as `moved` if it is another one now.
    pub seen: u64,
}

/// How far a channel is read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ReadCursor {
    /// The channel.
    pub channel_id: ChannelId,
    /// The `seq` of the last message read.
    pub seq: u64,
    /// The register version that the cursor's last change made.
    pub version: u64,
}

/// A cursor of the account was moved, on this device or another. Has no `seq`: its place is the register version.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(80, unread_moved)]
pub struct UnreadMoved {
    /// Where it stands now.
    pub cursor: ReadCursor,
}

/// Shows how much is unread in the channels that the account sees and has a cursor in, page by page.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2112, unreads_get, reply = Unreads, access = Account, limit = Read)]
pub struct GetUnreads {
    /// Only cursors that were moved after this register version.
    #[serde(default)]
    pub newer_than: Option<u64>,
    /// Goes on behind the page whose `next` this was.
    #[serde(default)]
    pub after: Option<ChannelId>,
    /// Cursors that are looked at for one page, at most 200; 200 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// How much is unread in one channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Unread {
    /// The channel's server.
    pub server_id: ServerId,
    /// How far it is read.
    pub cursor: ReadCursor,
    /// The `seq` of its last message.
    pub last_seq: u64,
    /// How many messages came after the cursor.
    pub unread: u64,
}

/// A page of what is unread, by channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Unreads {
    /// The channels; of a page that is not the last one there may be few, or none.
    pub unreads: Vec<Unread>,
    /// The account's register version. That of the first page counts: what was moved up to there
    /// is in the pages.
    pub version: u64,
    /// The `after` of the next page; none behind the last one.
    #[serde(default)]
    pub next: Option<ChannelId>,
}

/// Counts how much is unread in each server of the account, page by page.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2113, unreads_count, reply = UnreadCounts, access = Account, limit = Read)]
pub struct CountUnreads {
    /// Goes on behind the page whose `next` this was.
    #[serde(default)]
    pub after: Option<ServerId>,
    /// Servers that are looked at for one page, at most 20; 20 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// How much is unread in one server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ServerUnread {
    /// The server.
    pub server_id: ServerId,
    /// Channels with messages behind the account's cursor; where it has none, nothing counts.
    pub channels: u32,
    /// These messages.
    pub messages: u64,
    /// Messages not read that mention the account, a role that it holds, or everyone; as
    /// `pings_get` shows them, also where it has no cursor.
    pub mentions: u32,
}

/// A page of counts, by server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct UnreadCounts {
    /// The servers in which something is unread.
    pub servers: Vec<ServerUnread>,
    /// Whether only the newest 1,000 mentions of this page's servers, and of the account itself,
    /// were looked at, and there are older ones.
    pub more_mentions: bool,
    /// The `after` of the next page; none behind the last one.
    pub next: Option<ServerId>,
}

/// Shows the messages that mention the account, a role that it holds, or everyone, the newest
/// first: of all its servers, where it may read the history now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2114, pings_get, reply = MentionPage, access = Account, limit = Search)]
pub struct ListMentions {
    /// Only older messages than this: goes on behind the page whose `next` this was.
    #[serde(default)]
    pub before: Option<MessageId>,
    /// Messages of one page, at most 200; 50 when absent. A page ends before that where its texts
    /// would be more than 256 KiB.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of messages that mention the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MentionPage {
    /// The messages, the newest first. A page that is not the last one has fewer than were asked for
    /// only where thousands follow each other that the account may not read.
    pub mentions: Vec<MentioningMessage>,
    /// The `before` of the next page; none behind the last one.
    pub next: Option<MessageId>,
}

/// A message that mentions the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MentioningMessage {
    /// The server.
    pub server_id: ServerId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The message.
    pub message: Message,
    /// Whether the account's cursor stands at it or behind it, or the account joined the server later.
    pub read: bool,
}

impl AckUnread {
    const fn cursor(channel: ChannelId) -> Key {
        Key {
            kind: RegisterKind::ReadCursor,
            of: channel.get(),
        }
    }
}

impl WriteRegister for AckUnread {
    fn key(&self) -> Key {
        Self::cursor(self.channel_id)
    }

    fn write(&self) -> Write {
        Write::Largest(self.seq)
    }
}

impl WriteRegister for MarkUnread {
    fn key(&self) -> Key {
        AckUnread::cursor(self.channel_id)
    }

    fn write(&self) -> Write {
        Write::Last {
            value: self.seq,
            seen: self.seen,
        }
    }
}
