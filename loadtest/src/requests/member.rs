//! Requests of members, and of other accounts.

use shared::{
    ids::{ChannelId, RoleId, UserId},
    protocol::{
        member::{
            BanUser, GetMember, KickMember, ListBans, MuteMember, RemoveNickname, SetMemberRoles,
            SetNickname, TimeOutMember, UnbanUser, UnmuteMember,
        },
        user::{ListUsers, SearchUsers},
    },
};

use super::PAGE;
use crate::random::nonce;

/// Reads the first [`PAGE`] members of a server.
pub const fn list_users() -> ListUsers {
    ListUsers {
        after: None,
        limit: Some(PAGE),
    }
}

/// Reads the first [`PAGE`] accounts whose names begin so.
pub fn search_users(prefix: &str) -> SearchUsers {
    SearchUsers {
        prefix: prefix.to_owned(),
        after: None,
        limit: Some(PAGE),
    }
}

/// Shows a member.
pub const fn get_member(user_id: UserId) -> GetMember {
    GetMember { user_id }
}

/// Calls oneself something else.
pub fn set_nickname(nickname: &str) -> SetNickname {
    SetNickname {
        nonce: nonce(),
        nickname: nickname.to_owned(),
        user_id: None,
    }
}

/// Calls oneself by one's name again.
pub fn remove_nickname() -> RemoveNickname {
    RemoveNickname {
        nonce: nonce(),
        user_id: None,
    }
}

/// Gives a member these roles and no others.
pub fn set_roles(user_id: UserId, roles: Vec<RoleId>) -> SetMemberRoles {
    SetMemberRoles {
        nonce: nonce(),
        user_id,
        roles,
        reason: String::new(),
    }
}

/// Removes a member.
pub fn kick(user_id: UserId) -> KickMember {
    KickMember {
        nonce: nonce(),
        user_id,
        reason: String::new(),
    }
}

/// Bans an account for ever, and leaves what it said.
pub fn ban(user_id: UserId) -> BanUser {
    BanUser {
        nonce: nonce(),
        user_id,
        reason: String::new(),
        duration: None,
        delete_hours: 0,
    }
}

/// Lets a banned account join again.
pub fn unban(user_id: UserId) -> UnbanUser {
    UnbanUser {
        nonce: nonce(),
        user_id,
        reason: String::new(),
    }
}

/// Reads the first [`PAGE`] bans of a server.
pub const fn list_bans() -> ListBans {
    ListBans {
        after: None,
        limit: Some(PAGE),
    }
}

/// Silences a member for so many seconds; 0 lets him speak again.
pub fn time_out(user_id: UserId, duration: u32) -> TimeOutMember {
    TimeOutMember {
        nonce: nonce(),
        user_id,
        duration,
        reason: String::new(),
    }
}

/// Silences a member in a channel for so many seconds.
pub fn mute(channel_id: ChannelId, user_id: UserId, duration: u32) -> MuteMember {
    MuteMember {
        nonce: nonce(),
        channel_id,
        user_id,
        duration,
        reason: String::new(),
    }
}

/// Lets a member speak in a channel again.
pub fn unmute(channel_id: ChannelId, user_id: UserId) -> UnmuteMember {
    UnmuteMember {
        nonce: nonce(),
        channel_id,
        user_id,
        reason: String::new(),
    }
}
