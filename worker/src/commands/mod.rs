//! The rules: one file per command family, handlers only.

mod account;
mod admin;
mod channel;
mod guard;
mod invite;
mod member;
mod message;
mod moderation;
mod overrides;
mod presence;
mod rank;
pub(crate) mod repeat;
mod role;
mod server;
mod session;
mod typing;
mod unread;
mod user;

use shared::{
    domain::content,
    error::{Reason, Refusal},
};

use crate::error::Error;

/// Refuses a nonce that no client of ours would send.
pub(crate) fn check_nonce(nonce: &str) -> Result<(), Refusal> {
    content::check_nonce(nonce).map(drop)
}

/// Whether the server that an internal command is for is gone: then there is nothing left to do,
/// where a refusal would be tried again.
fn is_gone(server: Result<(), Error>) -> Result<bool, Error> {
    match server {
        Ok(()) => Ok(false),
        Err(Error::Refused(refusal)) if refusal.reason == Reason::UnknownServer => Ok(true),
        Err(error) => Err(error),
    }
}
