//! The rules: one file per command family, handlers only.

mod account;
mod channel;
mod guard;
mod invite;
mod message;
pub(crate) mod repeat;
mod server;
mod session;
mod typing;
mod unread;

use shared::{domain::content, error::Refusal, protocol::Command};

use crate::{error::Error, transaction::Context};

/// Checks and executes a command; answers with the encoded reply.
pub(crate) async fn dispatch(command: Command, ctx: &mut Context<'_>) -> Result<Vec<u8>, Error> {
    match command {
        Command::Account(command) => command.dispatch(ctx).await,
        Command::Session(command) => command.dispatch(ctx).await,
        Command::Server(command) => command.dispatch(ctx).await,
        Command::Invite(command) => command.dispatch(ctx).await,
        Command::User(command) => command.dispatch(ctx).await,
        Command::Channel(command) => command.dispatch(ctx).await,
        Command::Message(command) => command.dispatch(ctx).await,
        Command::Typing(command) => command.dispatch(ctx).await,
        Command::Unread(command) => command.dispatch(ctx).await,
        Command::Ping(command) => command.dispatch(ctx).await,
    }
}

/// Refuses a nonce that no client of ours would send.
pub(crate) fn check_nonce(nonce: &str) -> Result<(), Refusal> {
    content::nonce(nonce).map(drop)
}
