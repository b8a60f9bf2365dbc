//! On to the workers, and back with their answers.
//!
//! - [`quotas`], [`token_cache`]: whether somebody may ask, and who it is;
//! - [`commands`], [`batcher`], [`admission`]: to the lanes, unless they are away or behind;
//! - [`queries`], [`gateway_queries`]: to any worker;
//! - [`entries`]: what is sent, sealed; [`pending`]: who waits for an answer.

pub mod admission;
pub mod batcher;
pub mod commands;
pub mod entries;
pub mod gateway_queries;
pub mod pending;
pub mod queries;
pub mod quotas;
pub mod token_cache;

use std::sync::Arc;

use self::{
    commands::Commands, entries::Entries, queries::Queries, quotas::Quotas, token_cache::TokenCache,
};

/// Everything that asks workers, for those who serve clients. Clones share it.
#[derive(Clone)]
pub struct Requests {
    /// What accounts and addresses may ask.
    pub quotas: Arc<Quotas>,
    /// Tokens that were asked about lately.
    pub token_cache: Arc<TokenCache>,
    /// Commands to lanes.
    pub commands: Commands,
    /// Questions to workers.
    pub queries: Queries,
    /// Says whom a token names.
    pub entries: Entries,
}
