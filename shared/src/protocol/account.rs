//! Accounts: sign up, sign in, guests, sign out.

use super::macros::family;
use crate::{
    ids::{SessionId, UserId},
    protocol::{session::SessionInfo, user::User},
    wire::bodies,
};

family! {
    commands {
        /// Ends the session that sends it.
        144 logout: LogOut -> (), [for account], limited by Write;
    }
    unkeyed {
        /// Creates an account whose password is hashed already, and its first session.
        61568 user_create: CreateUser -> SignedIn, [for workers], limited by Unlimited;
        /// Opens a session for a person whose password was verified.
        61569 session_open: OpenSession -> SignedIn, [for workers], limited by Unlimited;
    }
    queries {
        /// Says whose session a token opens.
        2176 auth: Authenticate -> Identity, [for anyone], limited by SignIn;
    }
    openings {
        /// Creates an account; the first one of a deployment administers it.
        2177 register: Register -> SignedIn, [for anyone], limited by SignIn;
        /// Signs in with a name and a password.
        2178 login: LogIn -> SignedIn, [for anyone], limited by SignIn;
        /// Creates an account with a generated name and no password.
        2179 guest: JoinAsGuest -> SignedIn, [for anyone], limited by SignIn;
    }
    events {
        /// The account was signed in to.
        144 session_opened: SessionOpened;
        /// A session of the account ended: signed out or revoked.
        145 session_closed: SessionClosed;
    }
}

bodies! {
    /// Creates an account.
    Register {
        /// The idempotency key.
        nonce: String,
        /// 2 to 32 letters, digits, `_`, `-` or `.`; unique whatever the case.
        name: String,
        /// 8 to 256 bytes.
        password: String,
        /// A code for this deployment, where signing up needs one.
        invite: Option<String> = default,
        /// What the session list calls this device.
        device: Option<String> = default,
    }
    /// Signs in.
    LogIn {
        /// The idempotency key.
        nonce: String,
        /// The name of the account.
        name: String,
        /// Its password.
        password: String,
        /// What the session list calls this device.
        device: Option<String> = default,
    }
    /// Creates a guest account.
    JoinAsGuest {
        /// The idempotency key: 16 to 64 characters by chance, as a client that repeats it within a
        /// day is this guest.
        nonce: String,
        /// What the session list calls this device.
        device: Option<String> = default,
    }
    /// A session was opened.
    SignedIn {
        /// Opens the session on any gateway; who has it is this person.
        token: String,
        /// Who signed in.
        user: User,
        /// The session.
        session_id: SessionId,
    }
    /// Asks whose session a token opens.
    Authenticate {
        /// The token.
        token: String,
    }
    /// Whose session a token opens.
    Identity {
        /// The person.
        user: User,
        /// The session.
        session_id: SessionId,
    }
    /// Ends the session that sends it.
    LogOut {
        /// The idempotency key.
        nonce: String,
    }
    /// Creates an account in its lane.
    CreateUser {
        /// The idempotency key of the sign-up.
        nonce: String,
        /// The checked name; none for a guest, whose name the lane makes from the id.
        name: Option<String>,
        /// The hash in PHC form; none for a guest.
        password_hash: Option<String>,
        /// The deployment code to redeem.
        invite: Option<String>,
        /// Whether an account other than the first needs a code.
        invite_required: bool,
        /// What the session list calls this device.
        device: String,
    }
    /// Opens a session in the lane of its account.
    OpenSession {
        /// The idempotency key of the sign-in.
        nonce: String,
        /// Whose session.
        user_id: UserId,
        /// What the session list calls this device.
        device: String,
    }
    /// A session was opened.
    SessionOpened {
        /// The session, as `sessions_list` shows it.
        session: SessionInfo,
    }
    /// A session ended.
    SessionClosed {
        /// The session.
        session_id: SessionId,
    }
}
