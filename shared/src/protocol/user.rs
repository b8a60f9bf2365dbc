//! Users: what others see of an account.

use super::macros::family;
use crate::{
    ids::{RoleId, UserId},
    wire::bodies,
};

family! {
    queries {
        /// Lists the members of the scope's server, by id.
        2240 users_list: ListUsers -> Users, [for member], limited by Read;
    }
}

bodies! {
    /// What others see of an account.
    User {
        /// The account.
        user_id: UserId,
        /// Its name.
        name: String,
        /// Whether it was made without a password.
        guest: bool,
        /// Whether it administers the deployment.
        admin: bool,
    }
    /// A member of a server.
    Member {
        /// The account.
        user: User,
        /// The roles held, besides that of everyone.
        roles: Vec<RoleId>,
    }
    /// Asks for a page of members.
    ListUsers {
        /// Begin after this account.
        after: Option<UserId> = default,
        /// At most 200.
        limit: Option<u32> = default,
    }
    /// A page of members.
    Users {
        /// The members.
        members: Vec<Member>,
    }
}
