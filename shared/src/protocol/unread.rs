//! Unread: how far an account has read each channel.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::{
    macros::family,
    register::{Key, RegisterKind, Write, WriteRegister},
};
use crate::ids::{ChannelId, ServerId};

family! {
    commands: AckUnread, MarkUnread;
    queries: GetUnreads;
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
