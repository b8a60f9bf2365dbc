//! Unread: how far an account has read each channel.

use super::{
    macros::family,
    register::{Key, RegisterKind, Write, WriteRegister},
};
use crate::{
    ids::{ChannelId, ServerId},
    wire::bodies,
};

family! {
    registers {
        /// Reads a channel up to a message; a place that lies before where the cursor stands changes nothing.
        80 unreads_ack: AckUnread -> ReadCursor, [for account], limited by Register;
        /// Puts the cursor of a channel anywhere, back as well: marks what follows as unread.
        81 unreads_mark: MarkUnread -> ReadCursor, [for account], limited by Register;
    }
    queries {
        /// Shows how much is unread in the channels that the account sees and has a cursor in.
        2112 unreads_get: GetUnreads -> Unreads, [for account], limited by Read;
    }
    events {
        /// A cursor of the account was moved, on this device or another. Has no `seq`: its place is the register version.
        80 unread_moved: UnreadMoved;
    }
}

bodies! {
    /// Reads a channel up to a message.
    AckUnread {
        /// The channel; one that the account does not see is remembered and not shown.
        channel_id: ChannelId,
        /// The `seq` of the last message read; 0 is the beginning.
        seq: u64,
    }
    /// Puts the cursor of a channel anywhere.
    MarkUnread {
        /// The channel.
        channel_id: ChannelId,
        /// The `seq` of the last message that counts as read.
        seq: u64,
        /// The version of the cursor that this client saw, 0 if it saw none; refused as `moved` if it is another one now.
        seen: u64,
    }
    /// How far a channel is read.
    ReadCursor {
        /// The channel.
        channel_id: ChannelId,
        /// The `seq` of the last message read.
        seq: u64,
        /// The register version that the cursor's last change made.
        version: u64,
    }
    /// A cursor was moved.
    UnreadMoved {
        /// Where it stands now.
        cursor: ReadCursor,
    }
    /// Asks how much is unread.
    GetUnreads {
        /// Only cursors that were moved after this register version.
        newer_than: Option<u64> = default,
    }
    /// How much is unread in one channel.
    Unread {
        /// The channel's server.
        server_id: ServerId,
        /// How far it is read.
        cursor: ReadCursor,
        /// The `seq` of its last message.
        last_seq: u64,
        /// How many messages came after the cursor.
        unread: u64,
    }
    /// How much is unread, by channel.
    Unreads {
        /// The channels.
        unreads: Vec<Unread>,
        /// The account's register version: what was moved up to here is in the list.
        version: u64,
    }
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
