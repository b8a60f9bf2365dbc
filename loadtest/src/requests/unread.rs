//! Requests of what was read, and of what calls upon one.

use shared::{
    ids::ChannelId,
    protocol::unread::{AckUnread, CountUnreads, GetUnreads, ListMentions, MarkUnread},
};

/// Moves the cursor of a channel forward.
pub const fn ack_unread(channel_id: ChannelId, seq: u64) -> AckUnread {
    AckUnread { channel_id, seq }
}

/// Moves the cursor of a channel anywhere, if its version is the one that was seen.
pub const fn mark_unread(channel_id: ChannelId, seq: u64, seen: u64) -> MarkUnread {
    MarkUnread {
        channel_id,
        seq,
        seen,
    }
}

/// Reads the first [`PAGE`] cursors, or those of them that are newer than a version.
pub const fn get_unreads(newer_than: Option<u64>) -> GetUnreads {
    GetUnreads {
        newer_than,
        after: None,
        limit: None,
    }
}

/// Counts what is unread in the first servers.
pub const fn count_unreads() -> CountUnreads {
    CountUnreads {
        after: None,
        limit: None,
    }
}

/// Reads the newest messages that mention one.
pub const fn list_mentions() -> ListMentions {
    ListMentions {
        before: None,
        limit: None,
    }
}
