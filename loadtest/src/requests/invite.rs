//! Requests of invites.

use shared::protocol::invite::{
    CreateInvite, ListInviteUses, ListInvites, PreviewInvite, RedeemInvite, RevokeInvite,
};

use super::PAGE;
use crate::random::nonce;

/// Makes a code for the server of the scope, or for the deployment, without an end.
pub fn create_invite() -> CreateInvite {
    CreateInvite {
        nonce: nonce(),
        max_uses: None,
        expires_in: None,
    }
}

/// Joins the server of a code.
pub fn redeem_invite(code: &str) -> RedeemInvite {
    RedeemInvite {
        nonce: nonce(),
        code: code.to_owned(),
    }
}

/// Asks what a code opens.
pub fn preview_invite(code: &str) -> PreviewInvite {
    PreviewInvite {
        code: code.to_owned(),
    }
}

/// Makes a code useless.
pub fn revoke_invite(code: &str) -> RevokeInvite {
    RevokeInvite {
        nonce: nonce(),
        code: code.to_owned(),
    }
}

/// Reads the first [`PAGE`] codes.
pub const fn list_invites() -> ListInvites {
    ListInvites {
        after: None,
        limit: Some(PAGE),
    }
}

/// Reads the last [`PAGE`] uses of a code.
pub fn list_uses(code: &str) -> ListInviteUses {
    ListInviteUses {
        code: code.to_owned(),
        after: None,
        limit: Some(PAGE),
    }
}
