//! Requests of accounts and their sessions.

use shared::{
    ids::SessionId,
    protocol::{
        account::{
            ChangePassword, CreateAccount, DeleteAccount, JoinAsGuest, LogIn, RegisterGuest,
            SetSignUpPolicy, SignUp, StartExport, UpdateAccount,
        },
        session::RevokeSession,
    },
};

use super::PASSWORD;
use crate::random::nonce;

/// Creates an account with [`PASSWORD`].
pub fn register(name: &str) -> CreateAccount {
    CreateAccount {
        nonce: nonce(),
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
        invite: None,
        device: None,
    }
}

/// Signs in.
pub fn log_in(name: &str, password: &str) -> LogIn {
    LogIn {
        nonce: nonce(),
        name: name.to_owned(),
        password: password.to_owned(),
        device: None,
    }
}

/// Creates an account without a password.
pub fn join_as_guest() -> JoinAsGuest {
    JoinAsGuest {
        nonce: nonce(),
        device: None,
    }
}

/// Changes nothing of one's account yet.
pub fn update_account() -> UpdateAccount {
    UpdateAccount {
        nonce: nonce(),
        name: None,
        avatar: None,
        bio: None,
        locale: None,
    }
}

/// Changes the password from [`PASSWORD`] and leaves all sessions open.
pub fn change_password(new: &str) -> ChangePassword {
    ChangePassword {
        nonce: nonce(),
        password: PASSWORD.to_owned(),
        new_password: new.to_owned(),
        end_others: false,
    }
}

/// Gives a guest a name, and [`PASSWORD`].
pub fn register_guest(name: &str) -> RegisterGuest {
    RegisterGuest {
        nonce: nonce(),
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
        invite: None,
    }
}

/// Deletes one's account.
pub fn delete_account(password: Option<&str>) -> DeleteAccount {
    DeleteAccount {
        nonce: nonce(),
        password: password.map(str::to_owned),
    }
}

/// Ends a session of one's own account.
pub fn revoke_session(session_id: SessionId) -> RevokeSession {
    RevokeSession {
        nonce: nonce(),
        session_id,
    }
}

/// Says who may sign up from now on.
pub fn set_signup(signup: SignUp) -> SetSignUpPolicy {
    SetSignUpPolicy {
        nonce: nonce(),
        signup: Some(signup),
        guests: None,
    }
}

/// Has everything personal of one's account written down.
pub fn start_export() -> StartExport {
    StartExport { nonce: nonce() }
}
