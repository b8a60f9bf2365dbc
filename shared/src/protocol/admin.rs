//! What operators do to accounts: sent by `worker admin`, as a worker forwards what it prepared.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::ids::UserId;

family! {
    commands: OperateAccount;
}

/// Changes an account in its lane; what is absent stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(62272, account_operate, reply = AccountOperated)]
pub struct OperateAccount {
    /// The idempotency key.
    pub nonce: String,
    /// The account.
    pub user_id: UserId,
    /// Whether it administers the deployment.
    pub admin: Option<bool>,
    /// The hash of its new password in PHC form; not for guests.
    pub password_hash: Option<String>,
    /// Whether nobody can sign in to it.
    pub disabled: Option<bool>,
    /// Whether all of its sessions end.
    pub end_sessions: bool,
}

/// An account was changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct AccountOperated {
    /// How many sessions ended.
    pub sessions: u32,
}
