//! Sessions: list and revoke.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::ids::SessionId;

family! {
    commands: RevokeSession;
    queries: ListSessions;
}

/// Lists the open sessions of the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2208, sessions_list, reply = Sessions, access = Account, limit = Read)]
pub struct ListSessions {}

/// The open sessions, oldest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Sessions {
    /// The sessions.
    pub sessions: Vec<SessionInfo>,
}

/// One session of an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct SessionInfo {
    /// The session; its id tells when it was opened.
    pub session_id: SessionId,
    /// What the device called itself.
    pub device: String,
}

/// Ends another session of the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(176, session_revoke, access = Account, limit = Write)]
pub struct RevokeSession {
    /// The idempotency key.
    pub nonce: String,
    /// The session to end.
    pub session_id: SessionId,
}
