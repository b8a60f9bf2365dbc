//! The rules: one file per command family, handlers only.

mod account;
mod channel;
mod guard;
mod invite;
mod member;
mod message;
mod overrides;
mod rank;
pub(crate) mod repeat;
mod role;
mod server;
mod session;
mod typing;
mod unread;

use shared::{domain::content, error::Refusal};

/// Refuses a nonce that no client of ours would send.
pub(crate) fn check_nonce(nonce: &str) -> Result<(), Refusal> {
    content::check_nonce(nonce).map(drop)
}
