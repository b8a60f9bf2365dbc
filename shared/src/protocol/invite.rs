//! Invites: codes that open the deployment or a server.

use super::macros::family;
use crate::{
    protocol::server::{Server, ServerInfo},
    wire::bodies,
};

family! {
    commands {
        /// Makes a code: for the scope's server, or with scope 0 for signing up.
        336 invite_create: CreateInvite -> InviteCreated, [needs CREATE_INVITE in server or deployment], limited by Write;
    }
    internals {
        /// Redeems a code in the lane of its server.
        61760 member_join: JoinMember -> ServerInfo, [for workers], limited by Unlimited;
    }
    queries {
        /// Shows what a code opens.
        2368 invite_preview: PreviewInvite -> InvitePreview, [for anyone], limited by SignIn;
    }
    openings {
        /// Becomes a member of the server that the code opens.
        2369 invite_redeem: RedeemInvite -> ServerInfo, [for account], limited by Write;
    }
}

bodies! {
    /// Makes a code.
    CreateInvite {
        /// The idempotency key.
        nonce: String,
        /// How often it can be redeemed; without end when absent.
        max_uses: Option<u32> = default,
        /// For how many seconds it is valid; without end when absent.
        expires_in: Option<u32> = default,
    }
    /// A code was made.
    InviteCreated {
        /// The code.
        code: String,
    }
    /// Asks what a code opens.
    PreviewInvite {
        /// The code.
        code: String,
    }
    /// What a code opens.
    InvitePreview {
        /// The server; none when the code is for signing up.
        server: Option<Server>,
        /// How often it can still be redeemed; without end when absent.
        uses_left: Option<u32>,
        /// Until when it is valid, in milliseconds since 1970; without end when absent.
        expires_at: Option<u64>,
    }
    /// Redeems a code.
    RedeemInvite {
        /// The idempotency key.
        nonce: String,
        /// The code.
        code: String,
    }
    /// Redeems a code in its lane.
    JoinMember {
        /// The idempotency key of the client.
        nonce: String,
        /// The code.
        code: String,
    }
}
