//! Invites: codes that open the deployment or a server.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::protocol::server::{Server, ServerInfo};

family! {
    commands: CreateInvite, JoinMember;
    queries: PreviewInvite;
    forwarded: RedeemInvite;
}

/// Makes a code: for the scope's server, or with scope 0 for signing up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(336, invite_create, reply = InviteCreated, access = ServerOrDeployment(CREATE_INVITE), limit = Write)]
pub struct CreateInvite {
    /// The idempotency key.
    pub nonce: String,
    /// How often it can be redeemed; without end when absent.
    #[serde(default)]
    pub max_uses: Option<u32>,
    /// For how many seconds it is valid; without end when absent.
    #[serde(default)]
    pub expires_in: Option<u32>,
}

/// A code was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct InviteCreated {
    /// The code.
    pub code: String,
}

/// Shows what a code opens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2368, invite_preview, reply = InvitePreview, access = Anyone, limit = SignIn)]
pub struct PreviewInvite {
    /// The code.
    pub code: String,
}

/// What a code opens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct InvitePreview {
    /// The server; none when the code is for signing up.
    pub server: Option<Server>,
    /// How often it can still be redeemed; without end when absent.
    pub uses_left: Option<u32>,
    /// Until when it is valid, in milliseconds since 1970; without end when absent.
    pub expires_at: Option<u64>,
}

/// Becomes a member of the server that the code opens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2369, invite_redeem, reply = ServerInfo, access = Account, limit = Write)]
pub struct RedeemInvite {
    /// The idempotency key.
    pub nonce: String,
    /// The code.
    pub code: String,
}

/// Redeems a code in the lane of its server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61760, member_join, reply = ServerInfo)]
pub struct JoinMember {
    /// The idempotency key of the client.
    pub nonce: String,
    /// The code.
    pub code: String,
}
