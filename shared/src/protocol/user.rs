//! Users: what others see of an account.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::{
    domain::content::DELETED_NAME,
    ids::{RoleId, UserId},
};

family! {
    commands: AnnounceUser;
    queries: ListUsers, GetUser, GetUsers, SearchUsers;
    events: UserUpdated;
}

/// What others see of an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct User {
    /// The account.
    pub user_id: UserId,
    /// Its name.
    pub name: String,
    /// Whether it was made without a password.
    pub guest: bool,
    /// Whether it administers the deployment.
    pub admin: bool,
    /// Where its picture is: an HTTPS address, or nothing.
    #[serde(default)]
    pub avatar: String,
    /// Whether it was deleted: then nothing else is known of it.
    #[serde(default)]
    pub deleted: bool,
}

impl User {
    /// What is left of a deleted account.
    pub fn tombstone(user_id: UserId) -> Self {
        Self {
            user_id,
            name: DELETED_NAME.to_owned(),
            guest: false,
            admin: false,
            avatar: String::new(),
            deleted: true,
        }
    }
}

/// An account with what it says of itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Profile {
    /// The account.
    pub user: User,
    /// Up to 500 characters about itself.
    pub bio: String,
    /// The language of its client as a BCP 47 tag; nothing for everyone but the account itself.
    pub locale: String,
}

/// A member of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Member {
    /// The account.
    pub user: User,
    /// The roles held, besides that of everyone.
    pub roles: Vec<RoleId>,
    /// What he is called in this server, in place of the name of the account.
    #[serde(default)]
    pub nickname: Option<String>,
    /// When he became a member, in milliseconds since 1970; absent where that was not kept yet.
    #[serde(default)]
    pub joined_at: Option<u64>,
    /// Until when he may only look on, in milliseconds since 1970; absent when he may speak.
    #[serde(default)]
    pub timeout_until: Option<u64>,
}

/// Lists the members of the scope's server, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2240, users_list, reply = Users, access = Member, limit = Read)]
pub struct ListUsers {
    /// Begin after this account.
    #[serde(default)]
    pub after: Option<UserId>,
    /// At most 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of members.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Users {
    /// The members.
    pub members: Vec<Member>,
}

/// Shows an account: one's own, or one that shares a server with it. An administrator sees all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2241, user_get, reply = Profile, access = Account, limit = Read)]
pub struct GetUser {
    /// The account.
    pub user_id: UserId,
}

/// Shows several accounts at once, as `user_get` shows one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2242, users_get, reply = FoundUsers, access = Account, limit = Read)]
pub struct GetUsers {
    /// The accounts, at most 100.
    pub user_ids: Vec<UserId>,
}

/// The accounts that were found, by id; those that the asker may not see are missing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct FoundUsers {
    /// The accounts.
    pub users: Vec<User>,
}

/// Finds the members of the scope's server whose name begins so; with scope 0, those who share
/// any server with the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2243, users_search, reply = SearchedUsers, access = MemberOrAccount, limit = Read)]
pub struct SearchUsers {
    /// What the name begins with, whatever the case: 1 to 32 characters.
    pub prefix: String,
    /// Begin after the account with this name.
    #[serde(default)]
    pub after: Option<String>,
    /// At most 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of what was searched for, by name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct SearchedUsers {
    /// The accounts.
    pub users: Vec<User>,
    /// Whether more of the same are behind the last one, or the search ended early because the
    /// names of too many others begin so: then a longer prefix finds them.
    pub more: bool,
}

/// Tells a server what one of its members is called now: the account that sent it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61632, user_announce, nonce = ignored)]
pub struct AnnounceUser {}

/// A member is called otherwise or has another picture. Nobody is told in a server of more than
/// 1,000 members.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(208, user_updated)]
pub struct UserUpdated {
    /// The account as it is now.
    pub user: User,
}
