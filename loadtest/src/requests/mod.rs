//! Requests as clients of this crate send them: each with a fresh nonce, and without what is
//! optional. Who wants more sets the field: `CreateAccount { invite, ..register(name) }`.

mod account;
mod channel;
mod invite;
mod member;
mod message;
mod moderation;
mod notification;
mod presence;
mod push;
mod role;
mod server;
mod unread;

pub use self::{
    account::{
        change_password, delete_account, join_as_guest, log_in, register, register_guest,
        revoke_session, set_signup, start_export, update_account,
    },
    channel::{
        allow_member, clear_override, create_channel, delete_channel, deny_everyone, hide_channel,
        move_channel, override_of, set_override, set_overrides, update_channel,
    },
    invite::{
        create_invite, list_invites, list_uses, preview_invite, redeem_invite, revoke_invite,
    },
    member::{
        ban, get_member, kick, list_bans, list_users, mute, remove_nickname, search_users,
        set_nickname, set_roles, time_out, unban, unmute,
    },
    message::{
        add_reaction, delete_message, delete_messages, edit_message, get_message, get_messages,
        list_pins, list_reactors, pin_message, remove_reaction, search_messages, send_message,
        unpin_message,
    },
    moderation::{
        create_rule, get_modlog, list_reports, report_message, resolve_report, rule_settings,
        set_lockdown, test_rules,
    },
    notification::{explain, set_keywords, set_level},
    presence::{get_presences, set_status, watch_presences},
    push::{set_push_device, subscribe_push, test_push, unsubscribe_push},
    role::{
        create_role, delete_role, leave_role, move_role, reorder_roles, take_role, update_role,
    },
    server::{
        create_server, delete_server, join_server, leave_server, transfer_server, update_server,
    },
    unread::{ack_unread, count_unreads, get_unreads, list_mentions, mark_unread},
};

use serde::Serialize;
use shared::{
    frame::Frame,
    protocol::{self, Request},
};

/// The password of accounts that have no other.
pub const PASSWORD: &str = "correct horse battery";
/// The most messages or members that a page holds.
pub const PAGE: u32 = 200;

/// The frame of a request.
pub fn encode_request<R: Request>(request: u32, scope: u64, body: &R) -> Vec<u8> {
    Frame {
        opcode: R::ROW.opcode,
        request,
        scope,
        body: &protocol::encode(body),
    }
    .write()
}

/// A control frame of a client, which has the form of a request.
pub fn encode_control<T: Serialize>(opcode: u16, body: &T) -> Vec<u8> {
    Frame {
        opcode,
        request: 0,
        scope: 0,
        body: &protocol::encode(body),
    }
    .write()
}
