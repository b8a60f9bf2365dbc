//! Users: what others see of an account.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::ids::{RoleId, UserId};

family! {
    queries: ListUsers;
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
}

/// A member of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Member {
    /// The account.
    pub user: User,
    /// The roles held, besides that of everyone.
    pub roles: Vec<RoleId>,
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
