//! Requests of presence.

use shared::{
    ids::UserId,
    protocol::presence::{GetPresences, SetStatus, StatusKind, WatchPresences},
};

use crate::random::nonce;

/// Sets a status that says nothing.
pub fn set_status() -> SetStatus {
    SetStatus {
        nonce: nonce(),
        status: StatusKind::Online,
        text: None,
        until: None,
    }
}

/// Asks who of these members is there.
pub const fn get_presences(user_ids: Vec<UserId>) -> GetPresences {
    GetPresences { user_ids }
}

/// The same, and hears of changes from then on.
pub const fn watch_presences(user_ids: Vec<UserId>) -> WatchPresences {
    WatchPresences { user_ids }
}
