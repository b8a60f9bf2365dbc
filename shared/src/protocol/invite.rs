//! Invites: codes that open the deployment or a server.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::{
    ids::UserId,
    protocol::{
        server::{Server, ServerInfo},
        user::User,
    },
};

family! {
    commands: CreateInvite, RevokeInvite, JoinMember;
    queries: PreviewInvite, ListInvites, ListInviteUses;
    forwarded: RedeemInvite;
}

/// Makes a code: for the scope's server, or with scope 0 for signing up. Who does not manage the
/// server has at most 20 in it that still open it or are not an hour old.
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

/// A code as the audit log has it, whose readers are not to use it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RecordedInvite {
    /// What it begins with.
    pub code: String,
    /// How often it could be redeemed; absent without end, and where it was revoked.
    #[serde(default)]
    pub max_uses: Option<u32>,
    /// For how many seconds it was valid; absent without end, and where it was revoked.
    #[serde(default)]
    pub expires_in: Option<u32>,
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
    /// Whether who has no account may sign up with it: where signing up needs a code, one that an
    /// administrator of the deployment made, for it or for a server of his own.
    #[serde(default)]
    pub opens_account: bool,
}

/// Becomes a member of the server that the code opens. Whose account it opened joins by the same
/// use, once, even where it was the last one.
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

/// Lists codes of the scope's server, or with scope 0 those for signing up: who manages the server
/// sees all of them, others their own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2370, invite_list, reply = Invites, access = ServerOrDeployment(CREATE_INVITE), limit = Read)]
pub struct ListInvites {
    /// Begin after this code.
    #[serde(default)]
    pub after: Option<String>,
    /// At most 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of codes, in the order of their characters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Invites {
    /// The codes.
    pub invites: Vec<Invite>,
}

/// A code and what became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Invite {
    /// The code.
    pub code: String,
    /// Who made it.
    pub creator_id: UserId,
    /// When it was made, in milliseconds since 1970.
    pub created_at: u64,
    /// How often it was redeemed.
    pub uses: u32,
    /// How often it can be redeemed in all; without end when absent.
    pub max_uses: Option<u32>,
    /// Until when it is valid, in milliseconds since 1970; without end when absent.
    pub expires_at: Option<u64>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Makes a code useless: one's own, or any of a server that one manages.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(337, invite_revoke, access = ServerOrDeployment(CREATE_INVITE), limit = Write)]
pub struct RevokeInvite {
    /// The idempotency key.
    pub nonce: String,
    /// The code.
    pub code: String,
}

/// Lists who redeemed a code, the last one first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2371, invite_uses, reply = InviteUses, access = ServerOrDeployment(CREATE_INVITE), limit = Read)]
pub struct ListInviteUses {
    /// The code.
    pub code: String,
    /// Begin after the use of this account.
    #[serde(default)]
    pub after: Option<UserId>,
    /// At most 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of uses.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct InviteUses {
    /// The uses.
    pub uses: Vec<InviteUse>,
}

/// Somebody redeemed a code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct InviteUse {
    /// Who.
    pub user: User,
    /// When he last did, in milliseconds since 1970.
    pub used_at: u64,
}
