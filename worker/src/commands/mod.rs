//! The rules: one file per command family, handlers only.

mod account;
mod admin;
mod channel;
mod guard;
mod invite;
mod member;
mod message;
mod moderation;
mod notification;
mod overrides;
mod presence;
mod push;
mod rank;
pub(crate) mod repeat;
mod role;
mod server;
mod session;
mod typing;
mod unread;
mod user;
