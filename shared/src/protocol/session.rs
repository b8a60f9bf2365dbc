//! Sessions: list and revoke.

use super::macros::family;
use crate::{ids::SessionId, wire::bodies};

family! {
    commands {
        /// Ends another session of the account.
        176 session_revoke: RevokeSession -> (), [for account], limited by Write;
    }
    queries {
        /// Lists the open sessions of the account.
        2208 sessions_list: ListSessions -> Sessions, [for account], limited by Read;
    }
}

bodies! {
    /// Asks for the open sessions.
    ListSessions {}
    /// The open sessions, oldest first.
    Sessions {
        /// The sessions.
        sessions: Vec<SessionInfo>,
    }
    /// One session of an account.
    SessionInfo {
        /// The session; its id tells when it was opened.
        session_id: SessionId,
        /// What the device called itself.
        device: String,
    }
    /// Ends a session.
    RevokeSession {
        /// The idempotency key.
        nonce: String,
        /// The session to end.
        session_id: SessionId,
    }
}
