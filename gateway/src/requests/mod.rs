//! On to the workers, and back with their answers.
//!
//! - [`quotas`], [`token_cache`]: whether somebody may ask, and who it is;
//! - [`commands`], [`admission`]: to the lanes, unless they are away or behind;
//! - [`queries`]: to any worker.

pub mod admission;
pub mod commands;
pub mod queries;
pub mod quotas;
pub mod token_cache;
