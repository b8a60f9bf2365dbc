//! Limits: what is left of the buckets of an account, and giving them back.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::{domain::limits::RateLimit, ids::UserId};

family! {
    queries: GetRateLimits, ResetRateLimits;
}

/// Shows what is left of each limited bucket of the account, without drawing from any.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2848, rate_limit_status, reply = RateLimits, access = Account, limit = Unlimited)]
pub struct GetRateLimits {}

/// The buckets of an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RateLimits {
    /// Those that are limited.
    pub buckets: Vec<RateLimitStatus>,
}

/// One bucket of an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RateLimitStatus {
    /// Which one.
    pub bucket: RateLimit,
    /// How many requests it allows at once.
    pub burst: u32,
    /// How many of these are left.
    pub left: u32,
    /// In how many milliseconds the next request is allowed; 0 where one is left.
    pub retry_after: u64,
    /// In how many milliseconds it is whole again; 0 where it is.
    pub whole_after: u64,
}

/// Makes all buckets of an account whole, and ends its cooldowns. Nothing of it is stored, so it may be repeated.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2849, rate_limit_reset, access = Deployment, limit = Write)]
pub struct ResetRateLimits {
    /// Whose; one that does not exist has nothing to reset.
    pub user_id: UserId,
}
